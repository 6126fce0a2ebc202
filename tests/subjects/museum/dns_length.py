"""DNS over TCP: the two bytes of the length are read with one recv."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen, exactly

REPLY = b"a reply from the name server"


def broken(sock):
    length = sock.recv(2)
    if len(length) != 2:
        raise EOFError("dns: short read")
    print(exactly(sock, *struct.unpack("!H", length)))


def mended(sock):
    print(exactly(sock, *struct.unpack("!H", exactly(sock, 2))))


both(chosen(broken, mended), lambda sock: sock.sendall(struct.pack("!H", len(REPLY)) + REPLY))

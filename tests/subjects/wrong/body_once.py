"""The header is read to its end, the body in one recv."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, exactly


def server(sock):
    for _ in range(2):
        (n,) = struct.unpack("!H", exactly(sock, 2))
        print(n, sock.recv(n), flush=True)


def client(sock):
    sock.sendall(struct.pack("!H", 9) + b"\0\1hello\0\1" + struct.pack("!H", 4) + b"feng")


both(server, client)

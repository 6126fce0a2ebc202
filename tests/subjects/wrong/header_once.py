"""recv(4) once: the header comes whole, until it does not."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, exactly


def server(sock):
    (n,) = struct.unpack("!I", sock.recv(4))
    print(exactly(sock, n))
    sock.sendall(b"!")


def client(sock):
    sock.sendall(struct.pack("!I", 5) + b"hello")
    sock.recv(1)


both(server, client)

"""Header and body in one recv."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def server(sock):
    data = sock.recv(1024)
    (n,) = struct.unpack("!H", data[:2])
    print(n, data[2 : 2 + n])


def client(sock):
    sock.sendall(struct.pack("!H", 5) + b"hello")


both(server, client)

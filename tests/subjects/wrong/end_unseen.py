"""An empty recv is not looked at: the peer is gone, and the loop goes on."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def server(sock):
    data = b""
    while len(data) < 10:
        data += sock.recv(10 - len(data))
    print(data)


def client(sock):
    sock.sendall(b"hello")


both(server, client)

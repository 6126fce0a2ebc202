"""The documents' loop: a recv that is not full is the last one."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def server(sock):
    data = b""
    while True:
        part = sock.recv(1024)
        data += part
        if len(part) < 1024:
            break
    print(len(data), flush=True)


def client(sock):
    sock.sendall(b"x" * 1024 + b"end")


both(server, client)

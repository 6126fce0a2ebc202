"""send on a non-blocking socket, whose answer nobody looks at."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def server(sock):
    data = b""
    while part := sock.recv(4096):
        data += part
    print(len(data))


def client(sock):
    sock.setblocking(False)
    sock.send(b"x" * 2000)


both(server, client)

"""A message is over when nothing comes for a tenth of a second."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def server(sock):
    sock.settimeout(0.1)
    data = b""
    try:
        while part := sock.recv(1024):
            data += part
    except TimeoutError:
        pass
    print(data, flush=True)
    sock.settimeout(None)
    sock.sendall(b"ok")


def client(sock):
    sock.sendall(b"Content-Length: 5\r\n\r\n")
    sock.sendall(b"hello")
    sock.recv(2)


both(server, client)

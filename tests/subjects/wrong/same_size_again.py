"""The rest is asked for with the whole size, and the next message comes with it."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def server(sock):
    for _ in range(2):
        data = sock.recv(8)
        while len(data) < 8:
            part = sock.recv(8)
            if not part:
                raise EOFError("the stream ended inside a message")
            data += part
        print(data, flush=True)


def client(sock):
    sock.sendall(b"message1message2")


both(server, client)

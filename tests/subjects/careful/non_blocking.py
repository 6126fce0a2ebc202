"""A non-blocking sender that looks at what send returned, and waits for room."""
import hashlib
import os
import select
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both

DATA = bytes(range(256)) * 40


def server(sock):
    data = b""
    while part := sock.recv(4096):
        data += part
    print(len(data), hashlib.md5(data).hexdigest())


def client(sock):
    sock.setblocking(False)
    rest = memoryview(DATA)
    while rest:
        try:
            rest = rest[sock.send(rest):]
        except BlockingIOError:
            select.select([], [sock], [])


both(server, client)

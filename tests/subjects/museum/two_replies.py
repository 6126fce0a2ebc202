"""Two replies in one read: the first is handled, the second waits for more to come."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen, until_taken

GRANTED, CONNECTED = b"\5\0\0\1", b"\5\0\0\2"


def broken(sock):
    data = b""
    while part := sock.recv(4096):
        data += part
        if len(data) >= 4:
            print(data[:4].hex(), flush=True)
            data = data[4:]


def mended(sock):
    data = b""
    while part := sock.recv(4096):
        data += part
        while len(data) >= 4:
            print(data[:4].hex(), flush=True)
            data = data[4:]


def proxy(sock):
    sock.sendall(GRANTED)
    until_taken()
    sock.sendall(CONNECTED)


both(chosen(broken, mended), proxy)

"""MSG_WAITALL: the call itself waits for all of it."""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def message(sock):
    (n,) = struct.unpack("!I", sock.recv(4, socket.MSG_WAITALL))
    return sock.recv(n, socket.MSG_WAITALL)


def server(sock):
    print(message(sock), message(sock))


def client(sock):
    for body in [b"hello", b"feng"]:
        sock.sendall(struct.pack("!I", len(body)) + body)


both(server, client)

"""MSG_WAITALL is trusted to bring all of it; a signal ends it early."""
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

MESSAGE = b"a message of 24 bytes..."


def broken(sock):
    print(sock.recv(24, socket.MSG_WAITALL))


def mended(sock):
    data = b""
    while len(data) < 24:
        part = sock.recv(24 - len(data), socket.MSG_WAITALL)
        if not part:
            raise EOFError("the stream ended inside a message")
        data += part
    print(data)


both(chosen(broken, mended), lambda sock: sock.sendall(MESSAGE))

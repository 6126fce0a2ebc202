"""SOCKS5: a greeting that does not come in one piece is refused."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen, exactly

GREETING, ACCEPTED, REFUSED = b"\5\1\0", b"\5\0", b"\5\xff"


def broken(sock):
    greeting = sock.recv(1024)
    sock.sendall(ACCEPTED if b"\0" in greeting[2:] else REFUSED)


def mended(sock):
    _, methods = exactly(sock, 2)
    sock.sendall(ACCEPTED if b"\0" in exactly(sock, methods) else REFUSED)


def client(sock):
    sock.sendall(GREETING)
    print(exactly(sock, 2).hex())


both(chosen(broken, mended), client)

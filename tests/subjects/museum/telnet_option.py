"""Telnet: an option is cut behind its IAC, and the byte that is not there is looked at."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

IAC, WILL, ECHO = 255, 251, 1


def text(data):
    """The text without its options, and what is left of an option that is not whole."""
    found = b""
    while data:
        if data[0] != IAC:
            found, data = found + data[:1], data[1:]
        elif len(data) >= 3:
            data = data[3:]
        else:
            break
    return found, data


def broken(sock):
    shown = b""
    while data := sock.recv(4096):
        if data[0] == IAC and data[1] == WILL:
            data = data[3:]
        shown += data
    print(shown)


def mended(sock):
    shown = rest = b""
    while data := sock.recv(4096):
        found, rest = text(rest + data)
        shown += found
    print(shown)


both(chosen(broken, mended), lambda sock: sock.sendall(bytes([IAC, WILL, ECHO]) + b"login: "))

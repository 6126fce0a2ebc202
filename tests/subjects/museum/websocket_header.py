"""A WebSocket frame header is cut after its first byte, and that byte is forgotten."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

PING, HELLO = b"\x89\0", b"\x81\x05hello"


def frames(data):
    """The whole frames (RFC 6455, section 5.2; short and unmasked), and what is left."""
    found = []
    while len(data) >= 2 and len(data) >= 2 + data[1]:
        end = 2 + data[1]
        found.append((data[0] & 15, data[2:end]))
        data = data[end:]
    return found, data


def broken(sock):
    while data := sock.recv(4096):
        found, _ = frames(data)
        for frame in found:
            print(frame, flush=True)


def mended(sock):
    rest = b""
    while data := sock.recv(4096):
        found, rest = frames(rest + data)
        for frame in found:
            print(frame, flush=True)


both(chosen(broken, mended), lambda sock: sock.sendall(PING + HELLO))

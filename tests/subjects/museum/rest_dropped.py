"""What stands behind the last newline of a read is thrown away."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

def broken(sock):
    while chunk := sock.recv(4096):
        *lines, _ = chunk.split(b"\n")
        for line in lines:
            print(line.decode(), flush=True)


def mended(sock):
    rest = b""
    while chunk := sock.recv(4096):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            print(line.decode(), flush=True)


both(chosen(broken, mended), lambda sock: sock.sendall(b"hello\nfeng\n"))

"""Lines may end with CR, LF or both: the LF that comes after a cut is taken for one more, empty line."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

STREAM = b"data: A\r\ndata: B\r\n\r\n"


def show(lines):
    event = []
    for line in lines:
        if line:
            event.append(line.removeprefix("data: "))
        elif event:
            print(event, flush=True)
            event = []


def broken(sock):
    rest, lines = "", []
    while chunk := sock.recv(4096):
        *whole, rest = re.split("\r\n|\r|\n", rest + chunk.decode())
        lines += whole
    show(lines)


def mended(sock):
    rest, lines = "", []
    while chunk := sock.recv(4096):
        # A CR at the very end may be half of a CR LF: it stays until more comes.
        *whole, rest = re.split("\r\n|\r(?!$)|\n", rest + chunk.decode())
        lines += whole
    show(lines)


both(chosen(broken, mended), lambda sock: sock.sendall(STREAM))

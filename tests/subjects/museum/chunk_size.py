"""HTTP chunked coding: the size is read before its line is whole."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

BODY = b"10\r\nsixteen bytes...\r\n0\r\n\r\n"


def more(sock):
    part = sock.recv(4096)
    if not part:
        raise EOFError("the body ended inside a chunk")
    return part


def body(sock, whole_line):
    data, text = more(sock), b""
    while True:
        while whole_line and b"\r\n" not in data:
            data += more(sock)
        line, _, data = data.partition(b"\r\n")
        size = int(line, 16)
        if size == 0:
            return text
        while len(data) < size + 2:
            data += more(sock)
        text, data = text + data[:size], data[size + 2 :]


def broken(sock):
    print(body(sock, whole_line=False))


def mended(sock):
    print(body(sock, whole_line=True))


both(chosen(broken, mended), lambda sock: sock.sendall(BODY))

"""Redis replies: the type byte is taken out of the buffer before the rest of its reply is there."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

REPLIES = b":1000\r\n+OK\r\n"
KINDS = {":": int, "+": str}


class Incomplete(Exception):
    pass


class Reader:
    def __init__(self):
        self.data = b""

    def line(self):
        if b"\r\n" not in self.data:
            raise Incomplete
        line, self.data = self.data.split(b"\r\n", 1)
        return line.decode()


def broken_reply(reader):
    if not reader.data:
        raise Incomplete
    kind, reader.data = reader.data[:1].decode(), reader.data[1:]
    return KINDS[kind](reader.line())


def mended_reply(reader):
    line = reader.line()
    return KINDS[line[0]](line[1:])


def replies(sock, reply):
    reader = Reader()
    while chunk := sock.recv(4096):
        reader.data += chunk
        try:
            while True:
                print(repr(reply(reader)), flush=True)
        except Incomplete:
            pass


reply = chosen(broken_reply, mended_reply)
both(lambda sock: replies(sock, reply), lambda sock: sock.sendall(REPLIES))

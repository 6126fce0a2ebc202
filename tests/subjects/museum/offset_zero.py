"""Each piece of a message is written to the start of the buffer."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

MESSAGE = b"a message of 24 bytes..."


def broken(sock):
    data, got = bytearray(24), 0
    while got < 24:
        got += sock.recv_into(data, 24 - got)
    print(bytes(data))


def mended(sock):
    data, got = bytearray(24), 0
    while got < 24:
        got += sock.recv_into(memoryview(data)[got:], 24 - got)
    print(bytes(data))


both(chosen(broken, mended), lambda sock: sock.sendall(MESSAGE))

"""Server-sent events: a chunk is taken for whole events."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

STREAM = b'data: {"n": 1}\n\ndata: {"n": 2}\n\n'


def handle(event):
    print(json.loads(event.removeprefix("data: "))["n"], flush=True)


def broken(sock):
    while chunk := sock.recv(4096):
        for event in chunk.decode().split("\n\n"):
            if event:
                handle(event)


def mended(sock):
    rest = b""
    while chunk := sock.recv(4096):
        *events, rest = (rest + chunk).split(b"\n\n")
        for event in events:
            handle(event.decode())


both(chosen(broken, mended), lambda sock: sock.sendall(STREAM))

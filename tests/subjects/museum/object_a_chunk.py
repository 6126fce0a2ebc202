"""A chunk is taken for one JSON message; two that were sent one after the other come as one."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen, until_taken


def broken(sock):
    while chunk := sock.recv(4096):
        print(json.loads(chunk)["message"], flush=True)


def mended(sock):
    with sock.makefile("rb") as lines:
        for line in lines:
            print(json.loads(line)["message"], flush=True)


def client(sock):
    sock.sendall(b'{"message": "hello"}\n')
    until_taken()
    sock.sendall(b'{"message": "feng"}\n')


both(chosen(broken, mended), client)

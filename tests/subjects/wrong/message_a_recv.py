"""Each recv(1024) is taken for a message; question and answer in turn keep them apart."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def server(sock):
    while command := sock.recv(1024):
        print(command, flush=True)
        sock.sendall(b"done " + command)


def client(sock):
    for command in [b"ls", b"pwd"]:
        sock.sendall(command)
        sock.recv(1024)


both(server, client)

"""The recv that brings a file's name takes the file's first bytes, too, and forgets them."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen, until_taken

def broken(sock):
    name = sock.recv(1024).split(b"\n")[0]
    file = b""
    while part := sock.recv(1024):
        file += part
    print(name, file)


def mended(sock):
    with sock.makefile("rb") as stream:
        name = stream.readline().rstrip(b"\n")
        print(name, stream.read())


def sender(sock):
    sock.sendall(b"poem.txt\n")
    until_taken()
    sock.sendall(b"the first bytes of the file")


both(chosen(broken, mended), sender)

"""The end of the header is looked for in each read alone."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

REQUEST = b"GET / HTTP/1.1\r\nHost: feng\r\n\r\n"


def broken(sock):
    request = b""
    while part := sock.recv(4096):
        request += part
        if b"\r\n\r\n" in part:
            return print(request.split(b"\r\n")[0], flush=True)
    print("no request")


def mended(sock):
    request = b""
    while part := sock.recv(4096):
        request += part
        if b"\r\n\r\n" in request:
            return print(request.split(b"\r\n")[0], flush=True)
    print("no request")


both(chosen(broken, mended), lambda sock: sock.sendall(REQUEST))

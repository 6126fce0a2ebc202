"""A Content-Length that counts characters: the reader stops before the last bytes."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

TEXT = "你好，世界!"


def message(length):
    return f"Content-Length: {length}\r\n\r\n{TEXT}".encode()


def broken(sock):
    sock.sendall(message(len(TEXT)))


def mended(sock):
    sock.sendall(message(len(TEXT.encode())))


def reader(sock):
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(4096)
    header, body = data.split(b"\r\n\r\n")
    while len(body) < int(header.split(b": ")[1]):
        body += sock.recv(4096)
    print(body.decode())


both(reader, chosen(broken, mended))

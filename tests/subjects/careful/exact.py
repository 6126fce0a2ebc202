"""A header of four bytes, then as many as it says, each read to its end."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, exactly


def message(sock):
    (n,) = struct.unpack("!I", exactly(sock, 4))
    return exactly(sock, n).decode()


def server(sock):
    for _ in range(3):
        body = message(sock).upper().encode()
        sock.sendall(struct.pack("!I", len(body)) + body)


def client(sock):
    for word in ["hello", "你好，世界", "feng" * 20]:
        body = word.encode()
        sock.sendall(struct.pack("!I", len(body)))
        sock.sendall(body)
        print(message(sock))


both(server, client)

"""A server with a thread for each client; three clients at once, whose lines come in any order."""
import os
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import exactly

listener = socket.create_server(("127.0.0.1", 0))


def serve(sock):
    with sock:
        (n,) = struct.unpack("!H", exactly(sock, 2))
        sock.sendall(exactly(sock, n) * 2)


def accept():
    for _ in range(3):
        threading.Thread(target=serve, args=[listener.accept()[0]]).start()


def client(word):
    with socket.create_connection(listener.getsockname()) as sock:
        sock.sendall(struct.pack("!H", len(word)) + word)
        print(exactly(sock, 2 * len(word)).decode() + "\n", end="")


threads = [threading.Thread(target=accept)]
threads += [threading.Thread(target=client, args=[word]) for word in [b"one", b"three", b"eleven"]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

"""What happens to commands that no frame keeps apart: exec_hasty.py PORT, for serve commands --framing none.

First two commands at once; then one command in two pieces, the second after the answer to the first.
"""

import socket
import sys


def show(sock):
    """The answer as far as it came in one recv: here it is short, and the server waits for us."""
    print(">", sock.recv(1024).decode("utf-8"), end="", flush=True)


with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as sock:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("send 'echo a', send 'echo b'", flush=True)
    sock.sendall(b"echo a")
    sock.sendall(b"echo b")
    show(sock)
    print("send 'echo ', a pause, send 'hello'", flush=True)
    sock.sendall(b"echo ")
    show(sock)
    sock.sendall(b"hello")
    show(sock)

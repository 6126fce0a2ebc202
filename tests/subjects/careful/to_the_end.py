"""One message a connection, read to the end of the stream; the client shuts its side down."""
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def everything(sock):
    data = b""
    while part := sock.recv(1024):
        data += part
    return data


def server(sock):
    sock.sendall(everything(sock).title())


def client(sock):
    sock.sendall(b"where does a message end? ")
    sock.sendall(b"where the stream does")
    sock.shutdown(socket.SHUT_WR)
    print(everything(sock).decode())


both(server, client)

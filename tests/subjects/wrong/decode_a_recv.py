"""The text is collected to its end, but each piece is decoded by itself."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def server(sock):
    text = ""
    while part := sock.recv(1024):
        text += part.decode("utf-8", errors="replace")
        print("so far", end=" ")
    print(text.replace("so far", ""))


def client(sock):
    sock.sendall("粘包".encode())


both(server, client)

"""The documents' pair: two sends, two recvs, and a pause that keeps them apart."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def server(sock):
    print(sock.recv(1024), flush=True)
    print(sock.recv(1024), flush=True)


def client(sock):
    sock.sendall(b"hello")
    time.sleep(0.1)
    sock.sendall(b"feng")


both(server, client)

"""Each recv is parsed as JSON."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def server(sock):
    print(json.loads(sock.recv(4096))["name"])


def client(sock):
    sock.sendall(json.dumps({"name": "feng", "size": 4}).encode())


both(server, client)

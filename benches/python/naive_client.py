"""The page's client for two sends and one recv (D1, D3 section 10)."""
import socket
import sys

s = socket.socket()
s.connect(("127.0.0.1", int(sys.argv[1])))
s.send("hello".encode("utf-8"))
s.send("feng".encode("utf-8"))

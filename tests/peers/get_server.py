"""Gives downloads as D4's servers do: size, acknowledgement, body, MD5 at once (tail), after another
acknowledgement (ack), or none. A file that it does not have it says nothing about.

get_server.py PORT DIR tail|ack|none

PORT 0 is any free one; the port it got is its first line.
"""
import hashlib
import os
import socket
import sys

port, folder, trailer = int(sys.argv[1]), *sys.argv[2:]
server = socket.socket()
server.bind(("127.0.0.1", port))
server.listen()
print(server.getsockname()[1], flush=True)
while True:
    conn, _ = server.accept()
    while data := conn.recv(1024):
        try:
            cmd, name = data.decode().split()
        except ValueError:
            break
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            conn.send(str(os.stat(path).st_size).encode())
            conn.recv(1024)
            md5 = hashlib.md5()
            with open(path, "rb") as f:
                for line in f:
                    md5.update(line)
                    conn.sendall(line)
            if trailer == "ack":
                conn.recv(1024)
            if trailer != "none":
                conn.send(md5.hexdigest().encode())
    conn.close()

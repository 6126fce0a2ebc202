"""The page's download server (D4 section 3), on any free port: its loop, without what it prints."""
import hashlib
import os
import socket
import sys

server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
print(server.getsockname()[1], flush=True)
while True:
    conn, addr = server.accept()
    while True:
        data = conn.recv(1024)
        if not data:
            break
        cmd, file_name = data.decode().split()
        file_name = os.path.join(sys.argv[1], file_name)
        if os.path.isfile(file_name):
            m = hashlib.md5()
            with open(file_name, "rb") as f:
                conn.send(str(os.stat(file_name).st_size).encode())
                conn.recv(1024)
                for line in f:
                    m.update(line)
                    conn.sendall(line)  # The page's send() may take less than all.
            conn.send(m.hexdigest().encode())
    conn.close()

"""The page's upload client (D1 section 13): its loop, with what it prints for every send. It leaves when the server has
closed, so that the file is written."""
import json
import os
import socket
import struct
import sys

port, filename = int(sys.argv[1]), sys.argv[2]
s = socket.socket()
s.connect(("127.0.0.1", port))
head = {"cmd": "put", "filename": os.path.basename(filename), "filesize": os.path.getsize(filename)}
head = json.dumps(head).encode("utf-8")
s.send(struct.pack("i", len(head)))
s.send(head)
send_size = 0
with open(filename, "rb") as f:
    for line in f:
        s.sendall(line)  # The page's send() may take less than all.
        send_size += len(line)
        print(send_size)
s.shutdown(socket.SHUT_WR)
s.recv(1)

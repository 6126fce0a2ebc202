"""What put does, as Python does it well: hashing_client.py PORT FILE. Large pieces, each hashed (by OpenSSL, where Python
has it) on its way, the digest behind the body, and the receipt awaited."""
import hashlib
import json
import os
import socket
import struct
import sys

PIECE = 256 << 10

s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
path = sys.argv[2]
head = {"cmd": "put", "filename": os.path.basename(path), "filesize": os.path.getsize(path), "md5": "follows"}
head = json.dumps(head).encode()
s.sendall(struct.pack("<i", len(head)) + head)
digest, room = hashlib.md5(), memoryview(bytearray(PIECE))
with open(path, "rb", buffering=0) as f:
    while n := f.readinto(room):
        digest.update(room[:n])
        s.sendall(room[:n])
s.sendall(digest.hexdigest().encode())
length = struct.unpack("<i", s.recv(4, socket.MSG_WAITALL))[0]
assert json.loads(s.recv(length, socket.MSG_WAITALL))["md5"] == digest.hexdigest()

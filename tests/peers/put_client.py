"""Uploads files as the documents' clients do, all on one connection; reads nothing, as they do.

put_client.py PORT d1|d0 FILE...
"""
import json
import os
import socket
import struct
import sys

port, spelling, files = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
client = socket.create_connection(("127.0.0.1", port))
for path in files:
    folder, name = os.path.split(path)
    size = os.path.getsize(path)
    if spelling == "d1":
        header = {"cmd": "put", "filename": name, "filesize": size}
    else:
        header = {"filePath": folder, "fileName": name, "fileSize": size}
    header = bytes(json.dumps(header), encoding="utf-8")
    client.sendall(struct.pack("i", len(header)))
    client.sendall(header)
    with open(path, "rb") as f:
        for line in f:
            client.sendall(line)
    print(name, size, "upload successful", flush=True)
client.close()

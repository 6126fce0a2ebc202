"""Downloads files as D4's clients do, all on one connection, with the exact loop of D4 §3. Prints the MD5 of what
came and the one that followed.

get_client.py PORT tail|ack|none FOLDER NAME...
"""
import hashlib
import os
import socket
import sys

port, trailer, folder, names = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
client = socket.create_connection(("127.0.0.1", port))
for name in names:
    client.send(("get " + name).encode("utf-8"))
    size = int(client.recv(1024).decode())
    client.send("客户端准备好接收数据内容了".encode())
    received, md5 = 0, hashlib.md5()
    with open(os.path.join(folder, name), "wb") as f:
        while received < size:
            data = client.recv(min(1024, size - received))
            if not data:
                sys.exit("the server hung up")
            received += len(data)
            md5.update(data)
            f.write(data)
    if trailer == "ack":
        client.send("ready to revived file md5 value".encode())
    theirs = client.recv(1024).decode() if trailer != "none" else "-"
    print(name, received, md5.hexdigest(), theirs, flush=True)
client.close()

"""Takes uploads as the documents' servers do: i32le length, JSON header, body; the next file may follow.

put_server.py PORT DIR [careless]

PORT 0 is any free one; the port it got is its first line. careless: D1's loop, recv(1024) whatever remains.
"""
import hashlib
import json
import os
import socketserver
import struct
import sys

port, folder, careless = int(sys.argv[1]), sys.argv[2], sys.argv[3:] == ["careless"]


class Upload(socketserver.BaseRequestHandler):
    def exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.request.recv(n - len(data))
            if not piece:
                return data
            data += piece
        return data

    def handle(self):
        while len(prefix := self.exactly(4)) == 4:
            header = json.loads(self.exactly(struct.unpack("i", prefix)[0]).decode("utf-8"))
            name = header["filename"] if "filename" in header else header["fileName"]
            size = header["filesize"] if "filesize" in header else header["fileSize"]
            received, md5 = 0, hashlib.md5()
            with open(os.path.join(folder, os.path.basename(name)), "wb") as f:
                while received < size:
                    data = self.request.recv(1024 if careless else min(65536, size - received))
                    if not data:
                        return
                    f.write(data)
                    md5.update(data)
                    received += len(data)
            print(name, received, md5.hexdigest(), flush=True)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Server(("127.0.0.1", port), Upload) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()

"""What serve files does with an upload, as Python does it well: a thread a client, large reads, the digest compared, a
receipt. On any free port; with room for everybody in the queue (5 is the default, and a second's wait for the rest)."""
import hashlib
import json
import os
import socketserver
import struct
import sys


class Handler(socketserver.StreamRequestHandler):
    rbufsize = 1 << 16

    def handle(self):
        field = self.rfile.read(4)
        head = json.loads(self.rfile.read(struct.unpack("<i", field)[0]))
        place, left, digest = os.path.join(sys.argv[1], head["filename"]), head["filesize"], hashlib.md5()
        with open(place + ".part", "wb") as f:
            while left:
                data = self.rfile.read1(min(left, 1 << 16))
                if not data:
                    return
                digest.update(data)
                f.write(data)
                left -= len(data)
        if digest.hexdigest() == head["md5"]:
            os.rename(place + ".part", place)
            receipt = json.dumps({"receipt": "stored", "filename": head["filename"], "md5": head["md5"]}).encode()
            self.wfile.write(struct.pack("<i", len(receipt)) + receipt)


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 1024


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()

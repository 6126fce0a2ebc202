"""What serve files does with an upload, as Python does it well: a thread a client, large reads into one buffer, the digest
(OpenSSL's, where Python has it) compared, a receipt. On any free port; with room for everybody in the queue (5 is the
default, and a second's wait for the rest). The digest stands in the header, or follows the body as 32 hexadecimal digits."""
import hashlib
import json
import os
import socket
import socketserver
import struct
import sys

PIECE = 256 << 10


class Handler(socketserver.StreamRequestHandler):
    rbufsize = 0
    disable_nagle_algorithm = True

    def exactly(self, n):
        return self.request.recv(n, socket.MSG_WAITALL)

    def handle(self):
        head = json.loads(self.exactly(struct.unpack("<i", self.exactly(4))[0]))
        place, left, digest = os.path.join(sys.argv[1], head["filename"]), head["filesize"], hashlib.md5()
        room = memoryview(bytearray(PIECE))
        with open(place + ".part", "wb", buffering=0) as f:
            while left:
                n = self.request.recv_into(room, min(left, PIECE))
                if not n:
                    return
                digest.update(room[:n])
                f.write(room[:n])
                left -= n
        announced = head["md5"] if head["md5"] != "follows" else self.exactly(32).decode()
        if digest.hexdigest() == announced:
            os.rename(place + ".part", place)
            receipt = json.dumps({"receipt": "stored", "filename": head["filename"], "md5": announced}).encode()
            self.wfile.write(struct.pack("<i", len(receipt)) + receipt)


class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 1024


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()

"""The page's upload server (D1 section 13), on any free port: its loop, with what it prints for every recv."""
import json
import os
import socketserver
import struct
import sys


class FtpServer(socketserver.BaseRequestHandler):
    max_packet_size = 1024

    def handle(self):
        while True:
            data = self.request.recv(4)
            if not data:  # The page's dies here of an exception.
                return
            head = json.loads(self.request.recv(struct.unpack("i", data)[0]).decode("utf-8"))
            recv_size = 0
            with open(os.path.join(sys.argv[1], head["filename"]), "wb") as f:
                while recv_size < head["filesize"]:
                    recv_data = self.request.recv(self.max_packet_size)
                    f.write(recv_data)
                    recv_size += len(recv_data)
                    print("recvsize:%s filesize:%s" % (recv_size, head["filesize"]))


server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), FtpServer)
print(server.server_address[1], flush=True)
server.serve_forever()

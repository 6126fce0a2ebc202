"""The documents' client with their first cure: a pause between two sends. Arguments: host and port."""
import socket
import sys
import time

with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as sock:
    sock.send(b"hello")
    time.sleep(0.2)
    sock.send(b"feng")

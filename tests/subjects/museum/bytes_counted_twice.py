"""NATS: of the CR LF behind a payload one byte is there already, and two more are waited for."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

MESSAGE = b"MSG foo 2 0\r\n\r\n"


def wait_for(sock, data, more):
    wanted = len(data) + more
    while len(data) < wanted:
        part = sock.recv(4096)
        if not part:
            raise EOFError("the connection ended inside a message")
        data += part
    return data


def reader(missing):
    def read(sock):
        data = b""
        while b"\r\n" not in data:
            data = wait_for(sock, data, 1)
        line, _, data = data.partition(b"\r\n")
        end = int(line.split()[-1]) + 2
        if len(data) < end:
            data = wait_for(sock, data, missing(end, data))
        print(line.decode(), data)

    return read


broken = reader(lambda end, data: end)
mended = reader(lambda end, data: end - len(data))

both(chosen(broken, mended), lambda sock: sock.sendall(MESSAGE))

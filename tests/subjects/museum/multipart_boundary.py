"""A boundary that is cut in two is written into the uploaded file."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

BOUNDARY = b"\r\n--cut--"
UPLOAD = b"the file" + BOUNDARY


def broken(sock):
    file = b""
    while part := sock.recv(4096):
        data, boundary, _ = part.partition(BOUNDARY)
        file += data
        if boundary:
            break
    print(file)


def mended(sock):
    file = rest = b""
    while part := sock.recv(4096):
        rest += part
        data, boundary, _ = rest.partition(BOUNDARY)
        if boundary:
            file += data
            break
        # What may be the beginning of the boundary stays.
        keep = len(BOUNDARY) - 1
        file, rest = file + rest[:-keep], rest[-keep:]
    print(file)


both(chosen(broken, mended), lambda sock: sock.sendall(UPLOAD))

"""Base64 is decoded piece by piece, and what does not make four characters is lost."""
import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

TEXT = b"message boundaries"


def decoded(data):
    """What four characters at a time give, and what is left."""
    whole = len(data) // 4 * 4
    return base64.b64decode(data[:whole]), data[whole:]


def broken(sock):
    file = b""
    while part := sock.recv(4096):
        file += decoded(part)[0]
    print(file)


def mended(sock):
    file = rest = b""
    while part := sock.recv(4096):
        data, rest = decoded(rest + part)
        file += data
    print(file)


both(chosen(broken, mended), lambda sock: sock.sendall(base64.b64encode(TEXT)))

"""An MQTT remaining length is cut between its two bytes, and taken for an invalid one."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

PUBLISH = b"\x30\x82\x01" + b"x" * 130


def remaining_length(data):
    """The length (MQTT 3.1.1, section 2.2.3) and where it ends; None while its last byte is missing."""
    length = shift = 0
    for at, byte in enumerate(data[1:], 2):
        length |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return length, at
    return None


def packet(sock, incomplete):
    data = b""
    while chunk := sock.recv(4096):
        data += chunk
        if len(data) < 2:
            continue
        header = remaining_length(data)
        if header is None:
            incomplete()
        elif len(data) >= sum(header):
            return data[header[1] : sum(header)]


def broken(sock):
    def incomplete():
        raise ValueError("Invalid length")

    print(len(packet(sock, incomplete)))


def mended(sock):
    print(len(packet(sock, lambda: None)))


both(chosen(broken, mended), lambda sock: sock.sendall(PUBLISH))

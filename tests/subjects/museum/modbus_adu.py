"""Modbus: a read that is not a whole ADU is thrown away."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

def adu(transaction, pdu):
    return struct.pack("!HHHB", transaction, 0, 1 + len(pdu), 1) + pdu


def adus(data):
    """The whole ADUs: transaction and PDU; and what is left."""
    found = []
    while len(data) >= 6:
        transaction, _, length = struct.unpack("!HHH", data[:6])
        if len(data) < 6 + length:
            break
        found.append((transaction, data[7 : 6 + length].hex()))
        data = data[6 + length :]
    return found, data


def broken(sock):
    while data := sock.recv(260):
        found, _ = adus(data)
        for one in found:
            print(*one, flush=True)


def mended(sock):
    rest = b""
    while data := sock.recv(260):
        found, rest = adus(rest + data)
        for one in found:
            print(*one, flush=True)


def client(sock):
    sock.sendall(adu(1, bytes.fromhex("0300000002")) + adu(2, bytes.fromhex("0600010003")))


both(chosen(broken, mended), client)

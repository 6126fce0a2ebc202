"""A send on a non-blocking socket takes a part, and nobody sends the rest."""
import os
import select
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both, chosen

ORDER = b"8=FIX.4.4|35=D|55=FENG|38=100|10=128|"


def reader(sock):
    order = b""
    while part := sock.recv(4096):
        order += part
    print(order)


def broken(sock):
    sock.setblocking(False)
    sock.send(ORDER)


def mended(sock):
    sock.setblocking(False)
    rest = ORDER
    while rest:
        try:
            rest = rest[sock.send(rest) :]
        except BlockingIOError:
            select.select([], [sock], [])


both(reader, chosen(broken, mended))

"""Receives through lists of buffers, with every call that takes one, and with both ends in this program."""
import ctypes
import os
import socket

listener = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(listener.getsockname())
far = listener.accept()[0]
libc = ctypes.CDLL(None)


class Area(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Header(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_size_t), ("areas", ctypes.c_void_p),
                ("count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_long), ("moved", ctypes.c_size_t)]


# One list for all calls, so that one which was left changed would show.
first, second = ctypes.create_string_buffer(1), ctypes.create_string_buffer(5)
areas = (Area * 2)(Area(ctypes.addressof(first), 1), Area(ctypes.addressof(second), 5))
header = Header(areas=ctypes.addressof(areas), count=2)


def readv():
    return libc.readv(far.fileno(), areas, 2)


def recvmsg():
    return libc.recvmsg(far.fileno(), ctypes.byref(header), 0)


def recvmmsg():
    assert libc.recvmmsg(far.fileno(), ctypes.byref(header), 1, 0, None) == 1
    return header.moved & 0xFFFFFFFF


def six(receive):
    """Receives six bytes, in as many calls as it takes."""
    got = b""
    while len(got) < 6:
        n = receive()
        assert 0 < n <= 6 - len(got), n
        got += (first.raw + second.raw)[:n]
    assert [area.len for area in areas] == [1, 5] and header.count == 2
    return got


def plain():
    data = far.recv(6)
    first.raw, second.raw = data[:1], data[1:].ljust(5, b".")
    return len(data)


for receive in [readv, recvmsg, recvmmsg, plain]:
    near.send(b"abcdef")
    print(receive.__name__, six(receive))

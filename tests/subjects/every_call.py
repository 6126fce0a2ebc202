"""Every way in which bytes get into a socket and out of it, one after the other, with both ends in this program."""
import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

listener = socket.create_server(("127.0.0.1", 0))


def connection():
    client = socket.create_connection(listener.getsockname())
    return client, listener.accept()[0]


def exactly(sock, n):
    data = b""
    while len(data) < n:
        data += sock.recv(n - len(data))
    return data


near, far = connection()

# Several buffers a call.
os.writev(near.fileno(), [b"ab", b"", b"cde"])
os.readv(far.fileno(), [bytearray(2), bytearray(7)])
near.sendmsg([b"fgh", b"ij"])
far.recvmsg_into([bytearray(1), bytearray(1), bytearray(20)])
os.write(near.fileno(), b"plain")
os.read(far.fileno(), 100)

# Several messages a call: sendmmsg(2), recvmmsg(2).
libc = ctypes.CDLL(None)


class Area(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Header(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint), ("areas", ctypes.POINTER(Area)),
                ("count", ctypes.c_size_t), ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_long), ("moved", ctypes.c_uint)]


def headers(parts):
    """One message for each list of buffers."""
    made = (Header * len(parts))()
    made.parts = parts
    for header, buffers in zip(made, parts):
        areas = (Area * len(buffers))(*[Area(ctypes.addressof(b), len(b)) for b in buffers])
        header.areas, header.count = areas, len(buffers)
    return made


def buffers(*texts):
    return [ctypes.create_string_buffer(text, len(text)) for text in texts]


here, there = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
here.bind(("127.0.0.1", 0))
there.bind(("127.0.0.1", 0))
here.connect(there.getsockname())
there.connect(here.getsockname())
sent = headers([buffers(b"one"), buffers(b"tw", b"o!")])
assert libc.sendmmsg(here.fileno(), sent, 2, 0) == 2
got = headers([buffers(b"." * 8), buffers(b"." * 3, b"." * 5)])
assert libc.recvmmsg(there.fileno(), got, 2, 0, None) == 2

# Out of a file, out of a pipe, into a pipe: the bytes are in no memory of this program.
with tempfile.TemporaryFile() as file:
    file.write(b"s" * 31)
    file.flush()
    os.sendfile(near.fileno(), file.fileno(), 0, 31)
exactly(far, 31)
out, into = os.pipe()
os.write(into, b"p" * 33)
os.splice(out, near.fileno(), 33)
exactly(far, 33)
near.send(b"q" * 35)
os.splice(far.fileno(), into, 35)
assert os.read(out, 100) == b"q" * 35

# Another descriptor of the same socket; and the number, used again.
again = os.dup(near.fileno())
os.write(again, b"dup")
os.close(again)
exactly(far, 3)
second = connection()
assert again in [sock.fileno() for sock in second]
second[0].send(b"again")
second[1].recv(10)

# Another process has it: forked; started with vfork(2), and become another program.
child = os.fork()
if child == 0:
    near.send(b"forked")
    os._exit(0)
os.waitpid(child, 0)
exactly(far, 6)
os.set_inheritable(near.fileno(), True)
subprocess.run(["sh", "-c", f"printf executed >&{near.fileno()}"], pass_fds=[near.fileno()], check=True)
exactly(far, 8)

# A signal: the call fails, and Python makes it again once the handler has returned, which sends what it waits for.
signal.signal(signal.SIGALRM, lambda *_: near.send(b"interrupted"))
signal.setitimer(signal.ITIMER_REAL, 0.05)
far.recv(100)

# The kernel makes it again: what it waits for is sent when the handler has run.
woken, wake = os.pipe()
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake)
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)


def answer():
    os.read(woken, 1)
    near.send(b"restarted")


thread = threading.Thread(target=answer)
thread.start()
signal.setitimer(signal.ITIMER_REAL, 0.05)
far.recv(100)
thread.join()
signal.set_wakeup_fd(-1)


# Two threads at once.
def talk(ends, text):
    ends[0].sendall(text)
    exactly(ends[1], len(text))


threads = [threading.Thread(target=talk, args=(ends, text * 7)) for ends, text in [((near, far), b"x"), (second, b"y")]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
near.shutdown(socket.SHUT_WR)
assert far.recv(10) == b""
far.setblocking(False)
second[1].setblocking(False)
try:
    second[1].recv(10)
except BlockingIOError:
    pass
print("done")
sys.stdout.flush()

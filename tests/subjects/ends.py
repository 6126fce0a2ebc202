"""Runs a server and a client in one process, over loopback. The client's failure ends the program, as it would alone."""
import fcntl
import os
import socket
import sys
import termios
import threading
import time
import traceback

accepted = None


def both(server, client):
    listener = socket.create_server(("127.0.0.1", 0))

    def guarded(end, sock):
        try:
            end(sock)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        sock.close()

    def accept():
        global accepted
        accepted, _ = listener.accept()
        guarded(server, accepted)

    thread = threading.Thread(target=accept)
    thread.start()
    guarded(client, socket.create_connection(listener.getsockname()))
    thread.join()


def exactly(sock, n):
    """Reads n bytes, no more and no less."""
    data = b""
    while len(data) < n:
        part = sock.recv(n - len(data))
        if not part:
            raise EOFError("the stream ended inside a message")
        data += part
    return data


def chosen(broken, mended):
    """An exhibit is broken, unless its last word is `mended`."""
    return mended if sys.argv[1:] == ["mended"] else broken


def until_taken():
    """The client's pause between two sends: until the server has taken what it was sent, a third of a second at most."""
    for pause in [0.01, 0.02, 0.04, 0.08, 0.16]:
        time.sleep(pause)
        # FIONREAD (tcp(7)): how many bytes its queue holds.
        if accepted and fcntl.ioctl(accepted, termios.FIONREAD, bytes(4)) == bytes(4):
            break

"""Runs a server and a client in one process, over loopback. The client's failure ends the program, as it would alone."""
import os
import socket
import sys
import threading
import traceback


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
        connection, _ = listener.accept()
        guarded(server, connection)

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

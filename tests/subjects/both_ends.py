"""A client and a server in one process: two sends, one recv that takes both."""
import socket
import threading

listener = socket.create_server(("127.0.0.1", 0))


def client():
    with socket.create_connection(listener.getsockname()) as sock:
        sock.send(b"hello")
        sock.send(b"feng")
        print("answer", sock.recv(100))


thread = threading.Thread(target=client)
thread.start()
connection, _ = listener.accept()
received = b""
while len(received) < 9:
    received = connection.recv(10, socket.MSG_PEEK)
print(connection.recv(10))
connection.sendall(b"bye")
thread.join()
print(connection.recv(10))

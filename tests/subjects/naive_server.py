"""The documents' server: one recv for each message that it expects."""
import socket

with socket.create_server(("127.0.0.1", 0)) as listener:
    connection, _ = listener.accept()
    with connection:
        print(connection.recv(10))
        print(connection.recv(10))

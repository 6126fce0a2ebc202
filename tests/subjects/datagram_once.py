"""UDP taken for reliable: each request is sent once, and each answer taken for that of the last request."""
import socket
import threading

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))


def serve():
    while True:
        data, peer = server.recvfrom(1024)
        server.sendto(data.upper(), peer)


threading.Thread(target=serve, daemon=True).start()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.settimeout(1.0)
    for word in [b"hello", b"feng", b"bye"]:
        sock.sendto(word, server.getsockname())
        print(sock.recv(1024))

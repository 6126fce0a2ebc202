"""UDP: each datagram is a message, and nothing may cut it."""
import socket
import threading

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))


def serve():
    for _ in range(3):
        data, peer = server.recvfrom(1024)
        server.sendto(data.upper(), peer)


thread = threading.Thread(target=serve)
thread.start()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    for word in [b"hello", b"feng", b"bye"]:
        sock.sendto(word, server.getsockname())
        print(sock.recv(1024))
thread.join()

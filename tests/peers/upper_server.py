"""The echo in capitals: upper_server.py [PORT] [--udp]. One TCP client after another (D1, chapter 7), or each datagram
(chapter 8). Prints the port it got, then each client's address.
"""
import socket
import sys

FAMILY = socket.AF_INET6 if "--ipv6" in sys.argv else socket.AF_INET
PORT = next((int(arg) for arg in sys.argv[1:] if arg.isdigit()), 0)
HOST = "::1" if "--ipv6" in sys.argv else "127.0.0.1"


def over_tcp():
    with socket.socket(FAMILY, socket.SOCK_STREAM) as listener:
        listener.bind((HOST, PORT))
        listener.listen(5)
        print(listener.getsockname()[1], flush=True)
        while True:
            conn, addr = listener.accept()
            print("call from", addr[0], flush=True)
            with conn:
                while True:
                    msg = conn.recv(1024)
                    if not msg:
                        break
                    conn.sendall(msg.upper())


def over_udp():
    with socket.socket(FAMILY, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, PORT))
        print(sock.getsockname()[1], flush=True)
        while True:
            msg, addr = sock.recvfrom(1024)
            print("from", addr[0], len(msg), flush=True)
            sock.sendto(msg.upper(), addr)


over_udp() if "--udp" in sys.argv else over_tcp()

"""UDP as it is meant to be used: each request has a number and is sent again until its answer comes; an answer that
comes twice, or late, is known by its number."""
import socket
import threading

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
DONE = b"done"


def serve():
    while True:
        data, peer = server.recvfrom(1024)
        if data == DONE:
            return
        server.sendto(data.upper(), peer)


thread = threading.Thread(target=serve)
thread.start()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.connect(server.getsockname())
    sock.settimeout(0.1)
    for number, word in enumerate([b"hello", b"feng", b"bye"]):
        request = b"%d %s" % (number, word)
        answer = b""
        while not answer.startswith(b"%d " % number):
            try:
                sock.send(request)
                answer = sock.recv(1024)
            except TimeoutError:
                pass
        print(answer)
# The last word has no answer: it is said until the server has gone.
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    while thread.is_alive():
        sock.sendto(DONE, server.getsockname())
        thread.join(0.05)

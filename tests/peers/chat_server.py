"""The chat's server (D1, chapter 8): chat_server.py [PORT]. Prints the port it got; shows each message with its address,
and answers it with the next line of standard input; it reads no second message before the first is answered."""
import socket
import sys

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 0
PROMPT = "reply: " if sys.stdin.isatty() else ""

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.bind(("127.0.0.1", PORT))
    print(sock.getsockname()[1], flush=True)
    while True:
        msg, addr = sock.recvfrom(1024)
        print("[%s:%s] %s" % (addr[0], addr[1], msg.decode("utf-8")), flush=True)
        try:
            answer = input(PROMPT).strip()
        except EOFError:
            break
        sock.sendto(answer.encode("utf-8"), addr)

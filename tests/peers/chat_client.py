"""The chat's client (D1, chapter 8): chat_client.py HOST PORT. Sends each line of standard input, waits for one answer
and shows it; empty lines are not sent, and quit leaves."""
import socket
import sys

PROMPT = ">>: " if sys.stdin.isatty() else ""

address = (sys.argv[1], int(sys.argv[2]))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    while True:
        try:
            msg = input(PROMPT).strip()
        except EOFError:
            break
        if msg == "quit":
            break
        if not msg:
            continue
        sock.sendto(msg.encode("utf-8"), address)
        answer, addr = sock.recvfrom(1024)
        print("[%s:%s] %s" % (addr[0], addr[1], answer.decode("utf-8")), flush=True)

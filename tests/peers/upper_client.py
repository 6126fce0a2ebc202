"""The echo's client: upper_client.py HOST PORT [--udp]. Sends each line and prints its answer; quit leaves.

Over TCP it takes one recv for one answer, as the documents do: right for short lines and an idle machine.
"""
import socket
import sys

PROMPT = ">>: " if sys.stdin.isatty() else ""

address = (sys.argv[1], int(sys.argv[2]))
udp = "--udp" in sys.argv
family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as sock:
    if not udp:
        sock.connect(address)
    while True:
        try:
            msg = input(PROMPT).strip()
        except EOFError:
            break
        if msg == "quit":
            break
        if not msg and not udp:
            continue
        if udp:
            sock.sendto(msg.encode("utf-8"), address)
            answer, _ = sock.recvfrom(1024)
        else:
            sock.sendall(msg.encode("utf-8"))
            answer = sock.recv(1024)
        print(answer.decode("utf-8"), flush=True)

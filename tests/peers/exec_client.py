"""A client of the documents' remote command, one connection, one command after another.

python3 exec_client.py FRAMING PORT [--ack WORD] [COMMAND...]

FRAMING is none, ack, i32le, json (TCP) or udp. Without a command it asks for them; quit leaves. With commands it
prints one JSON line per answer: {"command": ..., "text": ...}.
"""

import json
import socket
import struct
import sys

READY = "recv_ready"


def exactly(conn, n):
    """recv(n) may return less: read until n bytes are there."""
    data = b""
    while len(data) < n:
        piece = conn.recv(min(65536, n - len(data)))
        if not piece:
            raise EOFError(f"{len(data)} of {n} bytes")
        data += piece
    return data


def answer(conn, framing, ack):
    if framing == "none":
        conn.shutdown(socket.SHUT_WR)  # the only command: its end, and the answer's, are then facts
        data = b""
        while piece := conn.recv(65536):
            data += piece
        return data
    if framing == "ack":
        length = int(conn.recv(1024).decode("utf-8"))
        conn.send(ack.encode("utf-8"))
        return exactly(conn, length)
    if framing == "i32le":
        (length,) = struct.unpack("i", exactly(conn, 4))
        return exactly(conn, length)
    (length,) = struct.unpack("i", exactly(conn, 4))
    head = json.loads(exactly(conn, length).decode("utf-8"))
    return exactly(conn, head["data_size"])


def main():
    framing, port, *commands = sys.argv[1:]
    ack = READY
    if commands[:1] == ["--ack"]:
        ack, commands = commands[1], commands[2:]
    address = ("127.0.0.1", int(port))
    kind = socket.SOCK_DGRAM if framing == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as conn:
        conn.settimeout(60)
        if framing != "udp":
            conn.connect(address)

        def ask(command):
            if framing == "udp":
                conn.sendto(command.encode("utf-8"), address)
                data = conn.recvfrom(65536)[0] + conn.recvfrom(65536)[0]
            else:
                conn.sendall(command.encode("utf-8"))
                data = answer(conn, framing, ack)
            return data.decode("utf-8")

        for command in commands:
            print(json.dumps({"command": command, "text": ask(command)}))
        while not commands:
            command = input(">>: ").strip()
            if command == "quit":
                break
            if command:
                print(ask(command), end="")


main()

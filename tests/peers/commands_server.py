"""A server of the documents' remote command: whatever a client sends is given to a shell, on loopback.

python3 commands_server.py FRAMING [PORT] [--reverse]

Prints its port (any free one unless it was given), then serves one client after another until it is killed. FRAMING is
none, ack, i32le, json (TCP) or udp. The two outputs go out as stderr, stdout; with --reverse the other way round.
"""

import json
import socket
import struct
import subprocess
import sys


PORT = int(next((word for word in sys.argv[2:] if word.isdigit()), 0))


def execute(command):
    """The two outputs, standard error first."""
    run = subprocess.run(command.decode("utf-8"), shell=True, capture_output=True)
    outputs = [run.stderr, run.stdout]
    return outputs[::-1] if "--reverse" in sys.argv else outputs


def answer(conn, framing, command):
    err, out = execute(command)
    if framing == "none":
        conn.sendall(err)
        conn.sendall(out)
    elif framing == "ack":
        conn.send(str(len(err + out)).encode("utf-8"))
        if conn.recv(1024).decode("utf-8") == "recv_ready":
            conn.sendall(err + out)
    elif framing == "i32le":
        conn.send(struct.pack("i", len(err + out)))
        conn.sendall(err + out)
    else:
        body = err if err else out
        head = json.dumps({"data_size": len(body)}).encode("utf-8")
        conn.send(struct.pack("i", len(head)))
        conn.send(head)
        conn.sendall(body)


def serve(framing):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind(("127.0.0.1", PORT))
        server.listen(5)
        print(server.getsockname()[1], flush=True)
        while True:
            conn, _ = server.accept()
            with conn:
                while True:
                    try:
                        command = conn.recv(1024)
                    except ConnectionResetError:
                        break
                    if not command:
                        break
                    answer(conn, framing, command)


def serve_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", PORT))
        print(server.getsockname()[1], flush=True)
        while True:
            command, client = server.recvfrom(65536)
            for output in execute(command):
                server.sendto(output, client)


serve_udp() if sys.argv[1] == "udp" else serve(sys.argv[1])

"""Lines, read through a buffered file."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from ends import both


def server(sock):
    with sock.makefile("rwb") as lines:
        for line in lines:
            lines.write(line.upper())
            lines.flush()


def client(sock):
    with sock.makefile("rw", encoding="utf-8", newline="\n") as lines:
        for word in ["hello", "feng", "naïve"]:
            lines.write(word + "\n")
            lines.flush()
            print(lines.readline().rstrip())


both(server, client)

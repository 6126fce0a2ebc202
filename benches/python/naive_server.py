"""The page's server for two sends and one recv (D1, D3 section 10), on any free port."""
import socket

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(5)
print(listener.getsockname()[1], flush=True)
conn, addr = listener.accept()
first = conn.recv(10)
second = conn.recv(10)
print("----->", first.decode("utf-8"))
print("----->", second.decode("utf-8"))
conn.close()

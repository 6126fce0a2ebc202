"""The page's download client (D4 section 3): its loop; prints the two digests."""
import hashlib
import socket
import sys

port, name, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
client = socket.socket()
client.connect(("127.0.0.1", port))
client.send(("get " + name).encode("utf-8"))
file_size = client.recv(1024)
client.send("客户端准备好接收数据内容了".encode())
revived_size = 0
m = hashlib.md5()
with open(out, "wb") as f:
    while revived_size < int(file_size.decode()):
        if int(file_size.decode()) - revived_size > 1024:
            size = 1024
        else:
            size = int(file_size.decode()) - revived_size
        file_data = client.recv(size)
        revived_size += len(file_data)
        m.update(file_data)
        f.write(file_data)
server_md5_value = client.recv(1024)
print(m.hexdigest(), server_md5_value.decode())

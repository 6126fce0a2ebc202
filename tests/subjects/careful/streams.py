"""asyncio's streams: readexactly and drain."""
import asyncio
import struct


async def message(reader):
    (n,) = struct.unpack("<i", await reader.readexactly(4))
    return await reader.readexactly(n)


async def serve(reader, writer):
    try:
        while True:
            body = (await message(reader))[::-1]
            writer.write(struct.pack("<i", len(body)) + body)
            await writer.drain()
    except asyncio.IncompleteReadError:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for body in [b"hello", b"feng", b"x" * 3000]:
        writer.write(struct.pack("<i", len(body)))
        writer.write(body)
        await writer.drain()
        answer = await message(reader)
        print(len(answer), answer[:10])
    writer.close()
    await writer.wait_closed()
    server.close()


asyncio.run(main())

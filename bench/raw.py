"""The limit to compare with: a plain `websockets` server that broadcasts what it is told on its first socket."""

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve


async def run(port: int) -> None:
    """Serve for ever: every socket hears what any socket sends to `/say`."""
    everybody: set[ServerConnection] = set()

    async def handle(connection: ServerConnection) -> None:
        if connection.request is not None and connection.request.path == "/say":
            async for text in connection:
                broadcast(everybody, text)
            return
        everybody.add(connection)
        try:
            await connection.wait_closed()
        finally:
            everybody.discard(connection)

    async with serve(handle, "127.0.0.1", port, compression=None, max_size=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1])))

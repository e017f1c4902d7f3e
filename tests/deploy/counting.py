"""An application that sends what it is asked for: `N SIZE` brings N numbered texts of that size."""

from typing import Any


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message["text"] == "leave":
            await send({"type": "websocket.close", "code": 4001})
            await send({"type": "websocket.send", "text": "too late"})
            continue
        count, size = map(int, message["text"].split())
        for number in range(count):
            await send({"type": "websocket.send", "text": f"{number} ".ljust(size, "好")})

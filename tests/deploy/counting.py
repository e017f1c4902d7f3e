"""An application that does as it is told: `N SIZE` brings N numbered texts of that size, `leave CODE` ends it.

Asked over HTTP, it answers with how many bytes it was sent.
"""

from typing import Any


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await measure(receive, send)
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        if message["text"].startswith("leave"):
            await send({"type": "websocket.close", "code": int(message["text"].split()[1])})
            await send({"type": "websocket.send", "text": "too late"})
            continue
        count, size = map(int, message["text"].split())
        for number in range(count):
            await send({"type": "websocket.send", "text": f"{number} ".ljust(size, "好")})


async def measure(receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message["body"]), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})

"""DingTalk's stream mode: frames of a websocket, each of which wants its answer.

https://open.dingtalk.com/document/orgapp/protocol-overview-of-stream-mode
"""

import json
import logging
from urllib.parse import urlencode

from channels_app.adapters.dingtalk.reading import read_events
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, Line
from channels_app.wires import Wire

logger = logging.getLogger(__name__)

TOPIC = "/v1.0/im/bot/messages/get"
# Longer than they ever are silent: they ask every minute whether we are there.
MOST_SILENCE = 150.0
STEP_SECONDS = 1.0
_DONE = json.dumps({"response": None})


def subscription(client_id: str, secret: str) -> dict[str, object]:
    """Return what asks for a line on which the messages to the robot come."""
    topics = [{"type": "CALLBACK", "topic": TOPIC}]
    return {
        "clientId": client_id,
        "clientSecret": secret,
        "subscriptions": topics,
        "ua": "everydesk",
    }


def address_of(answer: Fields) -> str:
    """Return where the line begins. Raises BadPayload."""
    ticket = urlencode({"ticket": answer.identifier("ticket", 1000, required=True)})
    return f"{answer.identifier('endpoint', 1000, required=True)}?{ticket}"


def follow(wire: Wire, line: Line) -> None:
    """Take what comes and answer it, while the line is wanted; returns when it should be opened anew."""
    silent = 0.0
    while line.is_wanted() and silent < MOST_SILENCE:
        frame = wire.receive(STEP_SECONDS)
        if frame is None:
            silent += STEP_SECONDS
            continue
        silent = 0.0
        if not _answered(wire, line, frame.encode() if isinstance(frame, str) else frame):
            return


def _answered(wire: Wire, line: Line, frame: bytes) -> bool:
    """Answer one frame; tells whether the line goes on."""
    try:
        told = read_object(frame)
        headers, content = told.fields("headers"), told.text("data", len(frame))
        topic, found = headers.line("topic", 200), headers.identifier("messageId", 200)
    except BadPayload as error:
        # Nobody can answer it: it comes again, or never mattered.
        logger.warning("A frame of DingTalk cannot be read: %s", error.message)
        return True
    if topic == "disconnect":
        return False
    if topic == TOPIC:
        _keep(line, content.encode("utf-8", "replace"))
    wire.send(_answer(found, content if topic == "ping" else _DONE))
    return True


def _keep(line: Line, body: bytes) -> None:
    try:
        events = read_events(read_object(body))
    except BadPayload as error:
        line.unreadable(body, reason=str(error.message))
    else:
        line.take(body, events)


def _answer(found: str, data: str) -> str:
    headers = {"messageId": found, "contentType": "application/json"}
    return json.dumps({"code": 200, "headers": headers, "message": "OK", "data": data})

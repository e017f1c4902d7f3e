"""A customer in the organization's own app: over the socket, by REST, and by a request that waits."""

import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import expect
from websockets.sync.client import ClientConnection, connect

from channels_app.adapters.app.fake import Vendor
from channels_app.chat.identity import sign_identity
from tests.deploy.stack import eventually
from tests.journeys.people import Colleague, Crowd

PUSH_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRET = "the server of the app keeps this for itself"
PATIENCE_SECONDS = 25.0


class App:
    """An app in the hand of somebody whom its server knows."""

    def __init__(self, url: str, public_id: str) -> None:
        claims = {"sub": uuid4().hex, "name": "王芳", "aud": public_id, "exp": time.time() + 900}
        self.identity = sign_identity(claims, SECRET)
        self.socket_url = f"{url.replace('http', 'ws', 1)}/live/visitor/{public_id}/"
        self.rest = httpx.Client(
            base_url=f"{url}/api/app/v1/{public_id}/",
            headers={"Authorization": f"Bearer {self.identity}"},
            timeout=PATIENCE_SECONDS + 10,
            trust_env=False,
        )
        # What the app knows already, as it says when it asks for news.
        self.known: dict[str, Any] = {}

    def posts(self, path: str, **values: object) -> dict[str, Any]:
        answer = self.rest.post(path, json=values)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def asks(self, wait: int = 0) -> dict[str, Any]:
        """Return the news, waiting so long for some."""
        answer = self.rest.get("events", params={**self.known, "wait": wait})
        assert answer.is_success, answer.text
        news: dict[str, Any] = answer.json()
        self.known = {
            "conversation": news["conversation"] or 0,
            "after": news["last_number"],
            "version": news["version"],
            "got": ",".join(str(each["number"]) for each in news["entries"]),
        }
        return news

    def waits_for(self, text: str) -> dict[str, Any]:
        """Ask until a message with this text has come."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            for entry in self.asks(wait=20)["entries"]:
                if entry.get("text") == text:
                    return dict(entry)
        raise AssertionError(f"{text} never came")


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


def hear(socket: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
        if frame["type"] == kind:
            return frame


@pytest.mark.usefixtures("cleared_desk")
def test_a_customer_in_the_app_is_answered_by_socket_and_by_rest(
    crowd: Crowd, ling: Colleague, jia: Colleague, vendor: Vendor
) -> None:
    address = ling.connects(
        "app",
        secret=SECRET,
        push_secret=PUSH_SECRET,
        push_after_seconds=1,
        push_url=vendor.settings["push_url"],
    )
    app = App(crowd.url.rstrip("/"), address.rstrip("/").rpartition("/")[2])
    jia.goes_online()
    # By REST in; routed to who is there, answered, and the answer ends the wait.
    words = f"想退货 {uuid4().hex[:6]}"
    said = app.posts("messages", client_ref=str(uuid4()), text=words)
    expect(jia.row(words)).to_be_visible()
    jia.opens(words)
    app.asks()
    came: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: came.append(app.waits_for("请把订单号发给我")))
    waiting.start()
    jia.replies("请把订单号发给我")
    waiting.join(PATIENCE_SECONDS)
    assert [each["author"]["name"] for each in came] == ["陈嘉"]
    # The colleague sees that it was read.
    receipts = f"conversations/{said['conversation']}/receipts"
    app.posts(receipts, delivered=[came[0]["number"]], read=came[0]["number"])
    expect(jia.message("请把订单号发给我")).to_contain_text("已读")
    # The same conversation over the socket.
    with connect(app.socket_url, proxy=None) as socket:
        hello = {
            "type": "hello",
            "identity": app.identity,
            "conversation": str(said["conversation"]),
            "last_number": came[0]["number"],
        }
        socket.send(json.dumps(hello))
        assert hear(socket, "welcome")["conversation"] == said["conversation"]
        reference = str(uuid4())
        socket.send(json.dumps({"type": "message", "client_ref": reference, "text": "订单 1234"}))
        assert hear(socket, "stored")["client_ref"] == reference
        expect(jia.timeline).to_contain_text("订单 1234")
        jia.replies("七天之内都可以")
        entry = hear(socket, "entry")["entry"]
        while entry.get("text") != "七天之内都可以":
            entry = hear(socket, "entry")["entry"]
        socket.send(json.dumps({"type": "seen", "number": entry["number"]}))
        expect(jia.message("七天之内都可以")).to_contain_text("已读")
    # Nobody has the app open: the answer is pushed, without its text.
    app.posts("devices", service="webhook", token="device-1", language="zh")
    jia.replies("还有别的问题吗？")
    eventually(vendor.pushed, 20)
    told = [(each["token"], each["text"]) for each in vendor.pushed()]
    assert told == [("device-1", "您有一条新消息。")]
    jia.resolves()
    app.posts(f"conversations/{said['conversation']}/rating", score=5)

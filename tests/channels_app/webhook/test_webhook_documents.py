"""What docs/webhooks.md tells a foreign developer is true: its very code runs here."""

import base64
import json
import re
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import time_machine

from channels_app import signatures
from channels_app.adapters.webhook import EVENTS, events
from channels_app.adapters.webhook.adapter import Adapter
from channels_app.protocol import (
    ChannelConfig,
    ContactIdentity,
    OutboundMessage,
    RawRequest,
    SendError,
)

DOCS = Path(__file__).parents[3] / "docs"
DOCUMENTS = [DOCS / "webhooks.md", DOCS / "webhooks.zh-CN.md"]
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"twenty-four random bytes").decode()
FOREIGN = "whsec_" + base64.b64encode(b"a channel of someone els").decode()
REPLY = OutboundMessage("0b0f3f0e", ContactIdentity("user-7"), "明天到 👍")


def blocks(document, language):
    text = document.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def run(code, name):
    names = {"__name__": name}
    exec(compile(code, name, "exec"), names)
    return names


@pytest.fixture(autouse=True)
def frozen(monkeypatch):
    monkeypatch.setenv("EVERYDESK_SECRET", SECRET)
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_the_sender_of_the_document_is_understood(document, system, monkeypatch, capsys):
    monkeypatch.setenv("EVERYDESK_ADDRESS", system.url)
    run(blocks(document, "python")[0], "__main__")
    assert capsys.readouterr().out == "200\n"
    [(method, _path, headers, body)] = system.calls
    request = RawRequest(method, system.url, (), headers, body, NOW)
    adapter = Adapter(ChannelConfig("c", secrets=(SECRET,)))
    adapter.verify(request)
    [event] = adapter.parse(request)
    assert (event.text, event.sender.external_id) == ("Where is my parcel?", "user-7")
    assert (event.sender.display_name, event.provider_id) == ("王芳", "m-1001")
    assert event.dedup_key == headers["webhook-id"]


@pytest.fixture(params=DOCUMENTS, ids=lambda each: each.name)
def receiver(request, settings):
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    names = run(blocks(request.param, "python")[1], "receiver")
    names["Hook"].log_message = lambda *arguments: None
    server = ThreadingHTTPServer(("127.0.0.1", 0), names["Hook"])
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def sender(url, *secrets):
    return Adapter(ChannelConfig("c", settings={"callback_url": url}, secrets=secrets))


def test_the_receiver_of_the_document_takes_our_reply(receiver, capsys):
    assert sender(receiver, SECRET).send(REPLY).status == "sent"
    assert "明天到 👍" in capsys.readouterr().out


@pytest.mark.parametrize("secrets", [(FOREIGN, SECRET), (SECRET, FOREIGN)])
def test_the_receiver_of_the_document_lives_through_a_rotation(receiver, secrets):
    assert sender(receiver, *secrets).send(REPLY).status == "sent"


def test_the_receiver_of_the_document_refuses_others(receiver, capsys):
    with pytest.raises(SendError) as raised:
        sender(receiver, FOREIGN).send(REPLY)
    assert raised.value.kind == "auth"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "headers", [{}, {"webhook-timestamp": "x"}, {"webhook-timestamp": str(int(NOW.timestamp()))}]
)
def test_the_receiver_of_the_document_refuses_what_is_not_signed(receiver, headers):
    assert answer_of(urllib.request.Request(receiver, data=b"{}", headers=headers)) == 401


@pytest.mark.parametrize(("age", "status"), [(299, 204), (301, 401), (-301, 401)])
def test_the_receiver_of_the_document_refuses_what_is_older_than_five_minutes(
    receiver, age, status
):
    body = b'{"type": "ping", "data": {}}'
    at = NOW - timedelta(seconds=age)
    headers = signatures.signed_headers("m", body, secrets=[SECRET], at=at)
    assert answer_of(urllib.request.Request(receiver, data=body, headers=headers)) == status


def answer_of(call):
    try:
        with urllib.request.urlopen(call) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_the_examples_are_short_and_the_same_in_both_languages():
    english, chinese = ([*blocks(each, "python"), *blocks(each, "json")] for each in DOCUMENTS)
    assert english == chinese
    assert all(len(code.splitlines()) <= 35 for code in english)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_the_reply_in_the_document_has_the_fields_that_we_send(document, system):
    shown = json.loads(blocks(document, "json")[0])
    sender(system.url, SECRET).send(REPLY)
    sent = json.loads(system.calls[0][3])
    assert list(shown) == list(sent)
    assert list(shown["data"]) == list(sent["data"])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda each: each.name)
def test_every_type_is_described(document):
    text = document.read_text(encoding="utf-8")
    assert [name for name in (*events._READERS, *EVENTS, "ping") if name not in text] == []

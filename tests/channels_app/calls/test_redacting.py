"""Nothing that proves anything, and nothing that people said, is left of a call."""

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.calls.redacting import HIDDEN, MOST_BODY, Redactor

SECRET = "s3cr/et+päss wörd&=1"
TELEGRAM = "123456:AAF-abc_DEF"
redactor = Redactor((SECRET, TELEGRAM), ("10293847561234", "C" * 32))


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("name", ["", "k", "ki", "kim"])
@pytest.mark.parametrize(
    "written",
    [
        str,
        quote,
        quote_plus,
        lambda text: quote(text, safe="").lower(),
        lambda text: json.dumps(text)[1:-1],
    ],
)
def test_a_secret_is_found_however_it_is_written(name, written):
    said = f"x {name}:{written(SECRET)} y"
    assert redactor.without_secrets(said) == f"x {name}:{HIDDEN} y"
    coded = in_base64(f"{name}:{SECRET}{name}")
    left = redactor.without_secrets(f"Basic {coded}").removeprefix("Basic ")
    assert HIDDEN in left
    # What is left beside it are letters that share their bits with something else.
    assert len(left) < len(in_base64(f"{name}:")) + len(in_base64(name)) + 8


@given(
    st.text(st.characters(codec="utf-8"), min_size=6, max_size=60), st.text("ab/:= ", max_size=9)
)
def test_no_secret_survives_any_writing(secret, before):
    found = Redactor((secret,))
    for written in (secret, quote(secret), quote(secret, safe=""), quote_plus(secret)):
        assert written not in found.without_secrets(f"{before}{written}{before}")


def test_an_address_keeps_its_place_and_loses_what_proves():
    url = f"https://kim:pass@api.example/bot{TELEGRAM}/send?access_token=abc&sig=x&mode=subscribe&q=怎么退货"
    assert redactor.address(url) == (
        "https://api.example/bot…/send?access_token=…&sig=…&mode=subscribe&q=…"
    )
    known = "https://graph.example/v26.0/10293847561234/messages"
    assert redactor.address(known) == known
    assert redactor.address("/channels/" + "C" * 32 + "/") == "/channels/" + "C" * 32 + "/"
    assert redactor.address("https://graph.example/v26.0/5511223344556/profile") == (
        "https://graph.example/v26.0/…/profile"
    )
    assert redactor.address("http://[broken") == HIDDEN


def test_headers_that_prove_keep_their_names_only():
    found = dict(
        redactor.headers(
            {
                "Authorization": "Bearer abc",
                "Cookie": "a=b",
                "X-Hub-Signature-256": "sha256=00",
                "X-Telegram-Bot-Api-Secret-Token": "t",
                "X-Api-Key": "k",
                "X-Other": f"see {SECRET}",
                "X-From": "ann@shop.example +86 138 0013 8000",
                "Content-Type": "application/json",
                "webhook-timestamp": "1790000000",
                "X-Trace": "A" * 40,
            }
        )
    )
    assert {name for name, value in found.items() if value == HIDDEN} == {
        "Authorization", "Cookie", "X-Hub-Signature-256", "X-Telegram-Bot-Api-Secret-Token",
        "X-Api-Key", "X-Trace",
    }  # fmt: skip
    assert found["X-Other"] == f"see {HIDDEN}"
    assert found["X-From"] == f"{HIDDEN} {HIDDEN}"
    assert (found["Content-Type"], found["webhook-timestamp"]) == ("application/json", "1790000000")


def test_of_a_body_its_shape_is_kept_and_nothing_that_people_said():
    said = {
        "messaging_product": "whatsapp",
        "to": "8613800138000",
        "type": "text",
        "text": {"body": "怎么退货?"},
        "message": "call me",
        "chat_id": 5511223344,
        "silent": True,
        "access_token": "abc",
        "error": "I said so",
    }
    kept = json.loads(redactor.body(json.dumps(said).encode(), "application/json; charset=utf-8"))
    assert kept == {
        "messaging_product": "whatsapp",
        "to": "…(13)",
        "type": "text",
        "text": {"body": "…(5)"},
        "message": "…(7)",
        "chat_id": HIDDEN,
        "silent": True,
        "access_token": HIDDEN,
        "error": "…(9)",
    }
    form = b"Body=hello%20you&From=%2B8613800138000&type=text"
    kept = json.loads(redactor.body(form, "application/x-www-form-urlencoded"))
    assert kept == {"Body": "…(9)", "From": "…(14)", "type": "text"}


@pytest.mark.parametrize(
    ("status", "extra"), [(400, {}), (200, {"errcode": 45015}), (200, {"ok": False})]
)
def test_a_refusal_keeps_the_words_of_the_vendor(status, extra):
    said = {
        **extra,
        "description": f"Bad token {SECRET} for ann@shop.example",
        "result": {"text": "怎么退货?"},
    }
    kept = json.loads(
        redactor.body(json.dumps(said).encode(), "application/json", is_answer=True, status=status)
    )
    assert kept["description"] == f"Bad token {HIDDEN} for {HIDDEN}"
    assert kept["result"] == {"text": "…(5)"}


def test_an_answer_that_refuses_nothing_keeps_no_words():
    body = b'{"description": "said by somebody"}'
    assert "said" not in redactor.body(body, "application/json", is_answer=True, status=200)


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "multipart/form-data", ""])
def test_what_is_no_fields_is_not_kept(kind):
    assert redactor.body("怎么退货? {".encode(), kind) == ""


def test_hostile_bodies_cost_little_and_stay_small():
    deep = b"[" * 60_000
    wide = json.dumps({f"k{n}": "x" * 20 for n in range(2000)}).encode()
    nasty = json.dumps({"error": {"message": "1 " * 15_000}, "message": "a@" * 15_000}).encode()
    # Of the test alone: the first of a process compiles what is compiled once.
    redactor.body(wide, "application/json")
    started = time.process_time()
    for body in (deep, wide, nasty, b"a" * 10_000_000):
        kept = redactor.body(body, "application/json", is_answer=True, status=500)
        assert len(kept) <= MOST_BODY
    redactor.address("https://x.example/" + "a" * 60_000 + "?" + "b=1&" * 10_000)
    redactor.headers({f"h{n}": "x." * 4000 for n in range(100)})
    assert time.process_time() - started < 0.5

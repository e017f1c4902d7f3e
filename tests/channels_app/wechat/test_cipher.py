"""The cipher of WeChat and WeCom, against what openssl and their own vectors say."""

import base64
import json
import os
from pathlib import Path

import pytest

from channels_app.wechat import cipher, fields

KEY, APP = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "wx49f0ab532d5d035a"
OTHER_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
# Reckoned with openssl: 16 bytes, the length, the content and the app id, padded to 32.
SEALED = (
    "sKqRbbiSUnDhFHOvPjtUMZKo/x1DjkKnHZ+bKiZjrKee3yetYMkK46EhHOUHOpXwLYEt6GXDxLzeyBZ29c36HnQT"
    "+seLuqEz64hYw1NRJ/wWayevYn1+CDz+6bNhHxSv"
)


def test_what_openssl_sealed_is_opened() -> None:
    found = cipher.decrypt(SEALED, [OTHER_KEY, KEY])
    assert found == cipher.Opened("<xml><Content>退货</Content></xml>".encode(), APP)


def test_the_signature_is_that_of_sha1_over_the_sorted_parts() -> None:
    found = cipher.signature("the secret", "1348831860", "nonce1", SEALED)
    assert found == "826945122b5027fb385b34ee1eeae47e788e31d1"


@pytest.mark.parametrize("length", range(40))
def test_every_length_comes_back_and_never_looks_the_same(length: int) -> None:
    content = b"x" * length
    first, second = cipher.encrypt(content, APP, KEY), cipher.encrypt(content, APP, KEY)
    assert first != second
    assert cipher.decrypt(first, [KEY]) == cipher.decrypt(second, [KEY])
    assert cipher.decrypt(first, [KEY]) == cipher.Opened(content, APP)


@pytest.mark.parametrize(
    "broken",
    ["", "%%%", "退货", SEALED[:-4], SEALED[:40], "A" * 44, SEALED.replace("s", "t", 1) + "AAAA"],
)
def test_what_is_not_whole_is_not_opened(broken: str) -> None:
    with pytest.raises(cipher.Unopened):
        cipher.decrypt(broken, [KEY])


@pytest.mark.parametrize("keys", [[], [""], [OTHER_KEY], ["short"], [KEY + "x"]])
def test_nothing_is_opened_without_its_key(keys: list[str]) -> None:
    with pytest.raises(cipher.Unopened):
        cipher.decrypt(SEALED, keys)


def test_a_length_past_the_end_is_refused() -> None:
    plain = b"0" * 16 + (10_000).to_bytes(4, "big") + b"abc"
    missing = 32 - len(plain) % 32
    encryptor = cipher._cipher(KEY).encryptor()
    sealed = encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()
    with pytest.raises(cipher.Unopened):
        cipher.decrypt(base64.b64encode(sealed).decode(), [KEY])


@pytest.mark.corpus
def test_the_vectors_of_others_are_opened() -> None:
    path = Path(os.environ["EVERYDESK_CORPUS"]) / "webhooks/_vectors/signature_vectors.json"
    known = json.loads(path.read_bytes())["wecom"]
    keys = [known["encoding_aes_key"]]
    greeting, told = known["handshake"], known["message"]
    signed = cipher.signature(
        known["token"], greeting["timestamp"], greeting["nonce"], greeting["echostr"]
    )
    assert signed == greeting["msg_signature"]
    assert cipher.decrypt(greeting["echostr"], keys).receiver == known["receive_id"]
    sealed = fields.read(told["xml"].encode()).data.identifier("encrypt", 10_000)
    signed = cipher.signature(known["token"], told["timestamp"], told["nonce"], sealed)
    assert signed == told["msg_signature"]
    said = fields.read(cipher.decrypt(sealed, keys).content).data
    assert said.text("content", 100) == told["content"]
    assert said.line("fromusername", 100) == told["from"]

import json
import uuid

import pytest

from channels_app.chat.frames import FrameRefused, read_frame

# Fixed: the names of parametrized tests must be the same in every parallel worker.
REFERENCE = "6a3f6f0e-3c1d-4a55-9d3e-0f6f1c1f7a11"


def frame(**values: object) -> str:
    return json.dumps(values)


def test_a_message_keeps_its_words_and_loses_its_controls() -> None:
    reference = str(uuid.uuid4())
    read = read_frame(
        frame(type="message", client_ref=reference, text=" 怎么退货?\x00\x1b[31m\n好 ")
    )
    assert read.values["text"] == "怎么退货?[31m\n好"
    assert str(read.values["client_ref"]) == reference


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "not_json"),
        ("{", "not_json"),
        ("[" * 100_000, "too_large"),
        ("[" * 30_000, "not_json"),
        ("[]", "not_an_object"),
        ("null", "not_an_object"),
        (frame(), "unknown_type"),
        (frame(type="subscribe"), "unknown_type"),
        (frame(type=["hello"]), "unknown_type"),
        (frame(type={"a": 1}), "unknown_type"),
        (frame(type="hello", group="*"), "unknown_field"),
        (frame(type="hello", conversation={"$gt": 0}), "not_text"),
        (frame(type="message", client_ref="%", text="x"), "not_a_uuid"),
        (frame(type="message", client_ref="*", text="x"), "not_a_uuid"),
        (frame(type="message", text="x"), "not_a_uuid"),
        (frame(type="message", client_ref=REFERENCE, text=7), "not_text"),
        (frame(type="message", client_ref=REFERENCE, text="x" * 10_001), "too_long"),
        (frame(type="message", client_ref=REFERENCE, attachments=["../x"]), "not_a_uuid"),
        (frame(type="message", client_ref=REFERENCE, attachments=[1] * 11), "not_a_list"),
        (frame(type="seen", number=0), "not_a_number"),
        (frame(type="seen", number=True), "not_a_number"),
        (frame(type="seen", number="1 OR 1=1"), "not_a_number"),
        (frame(type="seen", number=2**40), "not_a_number"),
        (frame(type="rate", score=6), "not_a_number"),
        (frame(type="typing", on="yes"), "not_a_boolean"),
        (frame(type="address", email="x@y.com\r\nBcc: all@z.com"), "not_an_address"),
        (frame(type="address", email="nobody"), "not_an_address"),
        (frame(type="address", email="\x00a@b.cc"), "not_an_address"),
        (frame(type="address", email="\ud800@b.cc"), "not_an_address"),
        (frame(type="address", email="a@b.c\udfffc"), "not_an_address"),
        (frame(type="address", email="a\u202e@b.cc"), "not_an_address"),
        (frame(type="language", language=["en"]), "unknown_language"),
        (frame(type="language", language={}), "unknown_language"),
        (frame(type="message", text="x" * 70_000), "too_large"),
    ],
)
def test_what_does_not_fit_its_schema_is_refused(raw: str, code: str) -> None:
    with pytest.raises(FrameRefused) as refused:
        read_frame(raw)
    assert refused.value.code == code


def test_the_name_of_an_unknown_field_can_be_sent_back() -> None:
    with pytest.raises(FrameRefused) as refused:
        read_frame(frame(type="ping", **{"\ud800a\x00": 1}))
    assert refused.value.field == "a"

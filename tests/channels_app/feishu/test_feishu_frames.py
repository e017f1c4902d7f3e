"""Frames of a long connection: read as they are written, answered as they came, and bounded."""

import random

import pytest

from channels_app.adapters.feishu.frames import CONTROL, DATA, MOST_FIELDS, Frame
from channels_app.protocol import BadPayload

# Written by the library of Protocol Buffers from the fields of their kit: SeqID 5, LogID 2**64-1, service
# 33554678, method 1, headers type=event and message_id=追, payload_type json, payload {"a":1}, LogIDNew x.
WRITTEN = bytes.fromhex(
    "080510ffffffffffffffffff0118f681801020012a0d0a0474797065120565"
    "76656e742a110a0a6d6573736167655f69641203e8bfbd3a046a736f6e42077b2261223a317d4a0178"
)
HEADERS = {"type": "event", "message_id": "追"}
LEAST = Frame.made(DATA, 7, {}).written()


def test_a_frame_is_read_as_the_library_writes_it() -> None:
    frame = Frame.read(WRITTEN)
    assert (frame.method, frame.headers, frame.payload) == (DATA, HEADERS, b'{"a":1}')
    assert frame.written() == WRITTEN


def test_an_answer_repeats_all_that_came_but_what_was_said() -> None:
    before = Frame.read(WRITTEN)
    answer = Frame.read(before.answered(b'{"code":200}', biz_rt="3"))
    assert answer.payload == b'{"code":200}'
    assert answer.headers == {**HEADERS, "biz_rt": "3"}
    assert set(before.fields) - set(answer.fields) == {(66, b'{"a":1}')}


def test_a_frame_of_ours_is_read_again() -> None:
    frame = Frame.made(CONTROL, 33554678, {"type": "ping"}, b"x")
    assert Frame.read(frame.written()) == frame


def test_fields_that_nobody_knows_yet_are_repeated() -> None:
    # A number, 8 bytes, 4 bytes, and a text, under the numbers 10 to 13.
    newer = b"\x50\x96\x01" + b"\x59" + bytes(8) + b"\x65abcd" + b"\x6a\x02hi"
    frame = Frame.read(WRITTEN + newer)
    assert frame.written() == WRITTEN + newer
    assert newer in frame.answered(b"")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"no frame",
        WRITTEN[:-1],
        WRITTEN[2:],  # without its SeqID
        LEAST.replace(b"\x20\x01", b""),  # without its method
        LEAST + b"\x2a\x03\x0a\x01\xff",  # a header that is not UTF-8
        LEAST + b"\x2a\x02\x0a\x09",  # a header that ends too soon
        LEAST + b"\x42\xff\xff\xff\xff\x0f",  # a payload of 4 GB
        LEAST + b"\x50" + b"\xff" * 11,  # a number without end
        LEAST + b"\x53",  # a group, which is of old
        LEAST + b"\x6a\x00" * MOST_FIELDS,
        LEAST + b"\x50\x00" * MOST_FIELDS,
    ],
)
def test_what_is_no_frame_is_a_bad_payload(frame: bytes) -> None:
    Frame.read(LEAST)
    with pytest.raises(BadPayload):
        Frame.read(frame)


def test_any_bytes_are_a_frame_or_a_bad_payload() -> None:
    chance = random.Random(5)
    for _each in range(3000):
        data = bytearray(WRITTEN)
        for _change in range(chance.randint(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            Frame.read(bytes(data[: chance.randint(1, len(data))])).answered(b"")
        except BadPayload:
            continue

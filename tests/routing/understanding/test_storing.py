import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.understanding import storing, training
from routing.understanding.storing import Unreadable, from_bytes, to_bytes
from routing.understanding.training import fit
from tests.routing.understanding.questions import EXAMPLES, NAMES

# Some of the parts are large of many examples only.
with pytest.MonkeyPatch.context() as patch:
    patch.setattr(training, "FEW", 5)
    MODEL = fit(EXAMPLES, NAMES)
STORED = to_bytes(MODEL)


def with_part(name: str, value: np.ndarray) -> bytes:
    """Return the stored model with one of its arrays replaced."""
    parts = dict(np.load(io.BytesIO(STORED)))
    stored = io.BytesIO()
    np.savez_compressed(stored, **{**parts, name: value})
    return stored.getvalue()


def with_header(old: str, new: str) -> bytes:
    header = np.load(io.BytesIO(STORED))["header"].tobytes().decode()
    assert old in header
    return with_part("header", np.frombuffer(header.replace(old, new).encode(), np.uint8))


def test_what_comes_back_judges_alike() -> None:
    back = from_bytes(STORED)
    for text in ("怎么退货", "where is my parcel", "VAT", "", "😀"):
        assert back.judge(text) == MODEL.judge(text)
    assert back.figures == MODEL.figures
    assert to_bytes(back) == STORED


def test_a_model_of_few_comes_back_too() -> None:
    few = fit(EXAMPLES, NAMES)
    back = from_bytes(to_bytes(few))
    assert back.network.inner.shape[1] == 0 < MODEL.network.inner.shape[1]
    assert back.judge("where is my parcel") == few.judge("where is my parcel")


def test_a_model_of_another_format_is_named() -> None:
    with pytest.raises(Unreadable, match="format 4, this program reads 3"):
        from_bytes(with_header('"format": 3', '"format": 4'))


def test_a_model_from_before_there_were_networks_is_named_by_its_format() -> None:
    parts = dict(np.load(io.BytesIO(with_header('"format": 3', '"format": 2'))))
    stored = io.BytesIO()
    np.savez_compressed(stored, **{name: parts[name] for name in parts.keys() - {"inner", "outer"}})
    with pytest.raises(Unreadable, match="format 2, this program reads 3"):
        from_bytes(stored.getvalue())


@pytest.mark.parametrize(
    "stored",
    [b"", b"no model", STORED[:-40], STORED[: len(STORED) // 2], STORED[100:]],
)
def test_what_is_no_model_is_refused(stored: bytes) -> None:
    with pytest.raises(Unreadable):
        from_bytes(stored)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weights", MODEL.weights[:-1]),
        ("weights", MODEL.weights.astype(np.float64)),
        ("inner", MODEL.network.inner[:-1]),
        ("inner", MODEL.network.inner[:, 1:]),
        ("inner", MODEL.network.inner.astype(np.float32)),
        ("inner", MODEL.network.inner * np.float16(np.inf)),
        ("outer", MODEL.network.outer[:, 1:]),
        ("outer", MODEL.network.outer.ravel()),
        ("bias", np.full(3, np.nan, np.float32)),
        ("bias", MODEL.bias[:1]),
        ("rareness", MODEL.vocabulary.rareness[1:]),
        ("grams", np.frombuffer(b"one\ntwo", np.uint8)),
        ("header", np.frombuffer(b"{}", np.uint8)),
        ("header", np.frombuffer(b"\xff", np.uint8)),
        ("other", np.zeros(1)),
    ],
)
def test_parts_that_do_not_fit_are_refused(name: str, value: np.ndarray) -> None:
    assert from_bytes(with_part("bias", MODEL.bias)).labels == MODEL.labels
    with pytest.raises(Unreadable):
        from_bytes(with_part(name, value))


def test_a_calibration_that_is_no_number_is_refused() -> None:
    with pytest.raises(Unreadable):
        from_bytes(with_header('"slope": ', '"slope": null, "was": '))


def test_objects_are_never_unpacked() -> None:
    with pytest.raises(Unreadable, match="damaged"):
        from_bytes(with_part("bias", np.array([object()], dtype=object)))


def test_a_file_that_unpacks_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(io.BytesIO(STORED)) as archive:
        size = sum(one.file_size for one in archive.infolist())
    monkeypatch.setattr(storing, "LARGEST", size)
    assert from_bytes(STORED).labels == MODEL.labels
    monkeypatch.setattr(storing, "LARGEST", size - 1)
    with pytest.raises(Unreadable, match="too large"):
        from_bytes(STORED)


@given(st.integers(0, len(STORED) - 1), st.integers(1, 255))
@settings(max_examples=60)
def test_a_changed_byte_is_found_or_harmless(at: int, change: int) -> None:
    damaged = bytearray(STORED)
    damaged[at] ^= change
    try:
        back = from_bytes(bytes(damaged))
    except Unreadable:
        return
    assert back.judge("怎么退货") == MODEL.judge("怎么退货")

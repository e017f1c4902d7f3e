"""Keeps a model as bytes: a zip of arrays and a header in JSON; nothing in it can run."""

import io
import json
import zipfile
from typing import Any

import numpy as np

from routing.understanding.calibration import Calibration
from routing.understanding.features import SHARES, Vocabulary
from routing.understanding.model import TopicModel
from routing.understanding.network import READ_BLOCKS, Network

FORMAT = 3
# A file that would unpack to more is not ours.
LARGEST = 200_000_000
_ARRAYS = {
    "header": np.uint8,
    "grams": np.uint8,
    "rareness": np.float32,
    "weights": np.float16,
    "bias": np.float32,
    "inner": np.float16,
    "outer": np.float32,
}


class Unreadable(ValueError):
    """The bytes are no model, a damaged one, or one of another format."""


def to_bytes(model: TopicModel) -> bytes:
    """Return the model as bytes; the same model gives the same ones."""
    calibration = model.calibration
    header = {
        "format": FORMAT,
        "labels": model.labels,
        "blocks": [len(block) for block in model.vocabulary.blocks],
        "rare": model.vocabulary.rare,
        "calibration": {
            name: getattr(calibration, name) for name in Calibration.__dataclass_fields__
        },
        "figures": model.figures,
    }
    grams = "\n".join(gram for block in model.vocabulary.blocks for gram in block)
    stored = io.BytesIO()
    np.savez_compressed(
        stored,
        allow_pickle=False,
        header=_characters(json.dumps(header, ensure_ascii=False, sort_keys=True)),
        grams=_characters(grams),
        rareness=model.vocabulary.rareness,
        weights=model.weights,
        bias=model.bias,
        inner=model.network.inner,
        outer=model.network.outer,
    )
    return stored.getvalue()


def from_bytes(stored: bytes) -> TopicModel:
    """Return the model that was kept; raises Unreadable when it cannot be."""
    try:
        return _model(_arrays(stored))
    except Unreadable:
        raise
    # Whatever is wrong inside, and whichever library stumbles over it, the file is damaged.
    except Exception as error:
        raise Unreadable(f"the model is damaged: {type(error).__name__}") from error


def _arrays(stored: bytes) -> dict[str, Any]:  # Any: arrays of several kinds
    if not zipfile.is_zipfile(io.BytesIO(stored)):
        raise Unreadable("this is no model")
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        if sum(one.file_size for one in archive.infolist()) > LARGEST:
            raise Unreadable("the model is too large")
    with np.load(io.BytesIO(stored), allow_pickle=False) as loaded:
        if "header" not in loaded.files:
            raise Unreadable("this is no model")
        # Other formats have other arrays.
        given = json.loads(loaded["header"].tobytes())["format"]
        if given != FORMAT:
            raise Unreadable(f"the model has format {given}, this program reads {FORMAT}")
        if set(loaded.files) != set(_ARRAYS):
            raise Unreadable("this is no model")
        arrays = {name: loaded[name] for name in _ARRAYS}
    if any(arrays[name].dtype != kind for name, kind in _ARRAYS.items()):
        raise Unreadable("the model is damaged: an array of another kind")
    return arrays


def _model(arrays: dict[str, Any]) -> TopicModel:  # Any: as above
    header = json.loads(arrays["header"].tobytes())
    labels, blocks = tuple(map(str, header["labels"])), list(map(int, header["blocks"]))
    stored = arrays["grams"].tobytes().decode()
    grams = stored.split("\n") if stored else []
    weights, bias, rareness = arrays["weights"], arrays["bias"], arrays["rareness"]
    network = Network(arrays["inner"], arrays["outer"])
    is_sound = (
        len(labels) >= 2
        and len(blocks) == len(SHARES)
        and min(blocks) >= 0
        and sum(blocks) == len(grams)
        and rareness.shape == (len(grams),)
        and weights.shape == (len(grams), len(labels))
        and bias.shape == (len(labels),)
        and network.fits(sum(blocks[:READ_BLOCKS]), len(labels))
        and all(np.isfinite(part).all() for part in arrays.values())
    )
    if not is_sound:
        raise Unreadable("the model is damaged: its parts do not fit each other")
    ends = np.cumsum(blocks)
    parts = tuple(tuple(grams[end - size : end]) for end, size in zip(ends, blocks, strict=True))
    return TopicModel(
        labels=labels,
        vocabulary=Vocabulary(parts, rareness, float(header["rare"])),
        weights=weights,
        bias=bias,
        network=network,
        calibration=Calibration(**header["calibration"]),
        figures=dict(header["figures"]),
    )


def _characters(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)

"""Trains a model of topics on labelled texts and says how well it does on others."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand, CommandError


class _Judged(NamedTuple):
    """Lines of a file, what the model says of each, and how long that took."""

    lines: Sequence[Any]  # Any: the package of the real types is slow to load
    judgements: Sequence[Any]
    milliseconds: Sequence[float]


class Command(BaseCommand):
    help = (
        "Train a model of topics on texts of known topic, and judge others by it. Files hold one "
        "JSON object a line with id, text and label, and may be packed by gzip."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--train", type=Path, nargs="+", required=True, metavar="FILE")
        parser.add_argument("--test", type=Path, nargs="+", required=True, metavar="FILE")
        parser.add_argument(
            "--oos",
            type=Path,
            nargs="+",
            default=[],
            metavar="FILE",
            help="texts of no topic that is taught",
        )
        parser.add_argument(
            "--shots", type=_number, metavar="N", help="teach the first N examples of each label"
        )
        parser.add_argument("--out", type=Path, metavar="FILE", help="write each judgement")
        parser.add_argument("--json", action="store_true", help="end with one JSON object")

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        from routing.understanding import files, training  # noqa: PLC0415  (slow to load)

        try:
            lines = files.read(options["train"])
            test = files.read(options["test"])
            strange = files.read(options["oos"]) if options["oos"] else []
            if options["shots"]:
                lines = files.first_of_each(lines, options["shots"])
            started = perf_counter()
            examples = [training.Example(line.text, line.label) for line in lines]
            names = {line.label: _words(line.label) for line in lines}
            model = training.fit(examples, names)
            seconds = perf_counter() - started
        except (files.BadFile, training.NotEnough, training.TooMuch) as error:
            raise CommandError(str(error)) from error
        judged, judged_strange = _judge(model, test), _judge(model, strange)
        if options["out"]:
            _write(options["out"], judged, judged_strange)
        figures = {**_figures(judged, judged_strange), "train_seconds": round(seconds, 2)}
        for name, value in figures.items():
            self.stdout.write(f"{name:22} {'-' if value is None else value}")
        if options["json"]:
            self.stdout.write(json.dumps(figures))


def _number(given: str) -> int:
    if not given.isdecimal() or int(given) < 1:
        raise ArgumentTypeError(f"{given} is not a number above 0")
    return int(given)


def _words(label: str) -> str:
    return label.replace("_", " ")


def _judge(model: Any, lines: Sequence[Any]) -> _Judged:
    judgements, milliseconds = [], []
    for line in lines:
        started = perf_counter()
        judgements.append(model.judge(line.text))
        milliseconds.append((perf_counter() - started) * 1000)
    return _Judged(lines, judgements, milliseconds)


def _figures(judged: _Judged, strange: _Judged) -> dict[str, float | None]:
    import numpy as np  # noqa: PLC0415  (slow to load)

    from routing.understanding import measures  # noqa: PLC0415

    truth = [line.label for line in judged.lines]
    found = [judgement.best for judgement in judged.judgements]
    confidence = np.array([judgement.confidence for judgement in judged.judgements])
    confidence_strange = np.array([judgement.confidence for judgement in strange.judgements])
    is_right = np.array([one == other for one, other in zip(truth, found, strict=True)])
    middle, late = np.percentile([*judged.milliseconds, *strange.milliseconds], [50, 95])
    is_asked = len(confidence_strange) > 0
    exact: dict[str, float | None] = {
        "accuracy": float(is_right.mean()),
        "macro_f1": measures.macro_f1(truth, found),
        "calibration_error": measures.calibration_error(confidence, is_right),
        "oos_auroc": measures.separation(confidence, confidence_strange) if is_asked else None,
        "oos_recall_at_95": measures.recall_at(confidence, confidence_strange)
        if is_asked
        else None,
        "ms_per_message_p50": float(middle),
        "ms_per_message_p95": float(late),
    }
    return {name: None if value is None else round(value, 4) for name, value in exact.items()}


def _write(path: Path, *parts: _Judged) -> None:
    try:
        with path.open("w", encoding="utf-8") as stream:
            for judged in parts:
                for line, judgement in zip(judged.lines, judged.judgements, strict=True):
                    row = {
                        "id": line.id,
                        "label": judgement.best,
                        "confidence": judgement.confidence,
                    }
                    if not judgement.is_known:
                        row["unknown"] = True
                    stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error

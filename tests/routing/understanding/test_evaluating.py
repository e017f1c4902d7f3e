import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.routing.understanding.questions import EXAMPLES

FIGURES = {
    "accuracy",
    "macro_f1",
    "calibration_error",
    "oos_auroc",
    "oos_recall_at_95",
    "train_seconds",
    "ms_per_message_p50",
    "ms_per_message_p95",
}
GOOD = '{"id": "x", "text": "where is my parcel", "label": "delivery"}\n'


def lines(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


@pytest.fixture
def taught(tmp_path: Path) -> Path:
    rows = [
        {"id": str(number), "text": one.text, "label": one.label}
        for number, one in enumerate(EXAMPLES)
    ]
    path = tmp_path / "train.jsonl.gz"
    path.write_bytes(gzip.compress(lines(rows).encode()))
    return path


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    path = tmp_path / "test.jsonl"
    rows = [
        {"id": "a", "text": "where is the parcel", "label": "delivery"},
        {"id": "b", "text": "我想退货", "label": "returns"},
        {"id": "c", "text": "发票抬头", "label": "delivery"},
    ]
    path.write_text(lines(rows) + "\n")
    return path


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    call_command("evaluate_topics", *map(str, arguments), "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_the_figures_are_one_object_on_the_last_line(
    taught: Path, asked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = evaluate(capsys, "--train", taught, "--test", asked)
    assert set(figures) == FIGURES
    assert figures["accuracy"] == pytest.approx(2 / 3, abs=1e-3)
    assert figures["oos_auroc"] is None
    assert figures["oos_recall_at_95"] is None


def test_each_judgement_is_written_and_strangers_are_told(
    taught: Path, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange, out = tmp_path / "oos.jsonl", tmp_path / "out.jsonl"
    strange.write_text(lines([{"id": "o", "text": "สวัสดีครับ", "label": "oos"}]))
    figures = evaluate(capsys, "--train", taught, "--test", asked, "--oos", strange, "--out", out)
    assert figures["oos_auroc"] == 1
    assert figures["oos_recall_at_95"] == 1
    written = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in written] == ["a", "b", "c", "o"]
    assert [row["label"] for row in written[:3]] == ["delivery", "returns", "invoice"]
    assert [row.get("unknown", False) for row in written] == [False, False, False, True]
    assert all(0 <= row["confidence"] <= 1 for row in written)


def test_shots_teach_the_first_of_each_label(
    taught: Path, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"
    # The first examples are English: what is asked in Chinese is strange to them.
    evaluate(capsys, "--train", taught, "--test", asked, "--shots", 4, "--out", out)
    unknown = [json.loads(line).get("unknown", False) for line in out.read_text().splitlines()]
    assert unknown[0] is False
    assert unknown[2] is True


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (GOOD + "{", "bad.jsonl, line 2: "),
        (GOOD * 2 + '{"text": "no label"}', 'bad.jsonl, line 3: "label" is missing'),
        ('{"text": 7, "label": "a"}', 'bad.jsonl, line 1: "text" is missing, or no text'),
        ('{"text": "a", "label": " "}', 'bad.jsonl, line 1: "label" is empty'),
        ("[1]", "bad.jsonl, line 1: not an object"),
        (GOOD + "\xff", "bad.jsonl, line 2: "),
        ("\x1f\x8bnot packed", "bad.jsonl: "),
        ("", "bad.jsonl: nothing in it"),
    ],
)
def test_a_bad_line_is_named(
    taught: Path, asked: Path, tmp_path: Path, content: str, said: str
) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(content.encode("latin-1"))
    with pytest.raises(CommandError) as refused:
        call_command("evaluate_topics", "--train", str(taught), "--test", str(asked), str(bad))
    assert said in str(refused.value)


def test_a_packed_file_cut_short_is_named(taught: Path, asked: Path) -> None:
    taught.write_bytes(taught.read_bytes()[:-20])
    with pytest.raises(CommandError, match=r"train\.jsonl\.gz"):
        call_command("evaluate_topics", "--train", str(taught), "--test", str(asked))


def test_a_missing_file_too_little_and_no_number_are_refused(
    taught: Path, asked: Path, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="nowhere: No such file"):
        call_command("evaluate_topics", "--train", str(tmp_path / "nowhere"), "--test", str(asked))
    with pytest.raises(CommandError, match="two examples each"):
        call_command("evaluate_topics", "--train", str(asked), "--test", str(asked))
    for shots in ("0", "-1", "many"):
        with pytest.raises(CommandError, match="--shots"):
            call_command(
                "evaluate_topics", "--train", str(taught), "--test", str(asked), "--shots", shots
            )

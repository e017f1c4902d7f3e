"""The list of kinds of channel, for people and for programs."""

import io
import json

from django.core.management import call_command

from channels_app import registry


def told(*options: str) -> list[str]:
    output = io.StringIO()
    call_command("channels", *options, stdout=output)
    return output.getvalue().splitlines()


def test_programs_read_every_kind_with_what_it_can_do():
    found = {each["kind"]: each for each in json.loads(told("--json")[-1])}
    assert list(found) == list(registry.FOLDERS)
    assert (found["mail"]["label"], found["mail"]["label_zh"]) == ("Mail", "邮件")
    whatsapp = found["whatsapp"]["capabilities"]
    assert (whatsapp["text_max"], whatsapp["reply_window"]) == (4096, 86_400.0)
    assert whatsapp["receipts"] == ["delivered", "failed", "read", "sent"]
    assert "attachments" in whatsapp["shows"]


def test_people_read_a_line_for_each():
    lines = told()
    assert lines[-1] == f"{len(registry.FOLDERS)} kinds of channel"
    assert any(line.startswith("line ") and "LINE" in line for line in lines)

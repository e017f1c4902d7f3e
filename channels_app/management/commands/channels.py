"""List the kinds of channel there are, with what each can do."""

import dataclasses
import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import translation
from django.utils.functional import Promise

from channels_app.protocol import ChannelConfig
from channels_app.registry import make_adapter
from helpdesk.registries import ChannelKind, channel_kinds

LANGUAGES = ("en", "zh-hans")


class Command(BaseCommand):
    help = "List the kinds of channel there are, with what each can do."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON list on the last line")

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        found = [_described(name, kind) for name, kind in channel_kinds.items()]
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False))
            return
        for each in found:
            self.stdout.write(f"{each['kind']:<12} {each['label']} · {each['label_zh']}")
        self.stdout.write(f"{len(found)} kinds of channel")


def _described(name: str, kind: ChannelKind) -> dict[str, object]:
    labels = []
    for language in LANGUAGES:
        with translation.override(language):
            labels.append(str(kind.label))
    capabilities = make_adapter(name, ChannelConfig(public_id="")).capabilities
    return {
        "kind": name,
        "label": labels[0],
        "label_zh": labels[1],
        "capabilities": {
            **{field: _plain(value) for field, value in dataclasses.asdict(capabilities).items()},
            "shows": sorted(kind.capabilities),
        },
    }


def _plain(value: object) -> object:
    """Return a value as JSON has it; durations become seconds."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Promise):
        return str(value)
    return sorted(value) if isinstance(value, frozenset) else value

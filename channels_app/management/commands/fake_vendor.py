"""Play a vendor on loopback, so that a channel can be tried without an account."""

import json
import sys
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from channels_app.fake_vendor import Answer, Call, FakeVendor
from channels_app.registry import FOLDERS, UnknownKind, fake_vendor_of
from channels_app.services.doors import Door, find_door
from helpdesk.errors import NotFound

GUIDE = """\
{kind} is played at 127.0.0.1:{port}. Enter in the channel:
{settings}
Each line that you write here is what the customer says. /fail 3 lets the next three calls of Everydesk fail,
/drop breaks the line after the next one; an empty line ends it.
"""


class Command(BaseCommand):
    help = (
        "Play the vendor of a channel on loopback: lines typed here are messages of its customer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", help="the kind of channel")
        parser.add_argument(
            "channel", help="the channel's id: the last part of its address for the vendor"
        )
        parser.add_argument(
            "--port", type=int, default=0, help="where to serve; any free port if left out"
        )

    # Any: the options of argparse have no narrower type.
    def handle(self, *args: Any, **options: Any) -> None:
        try:
            played = fake_vendor_of(options["kind"])
        except UnknownKind as error:
            raise CommandError(
                f"Nobody plays {options['kind']}; known: {', '.join(_played())}"
            ) from error
        try:
            door = find_door(options["channel"], kind=options["kind"])
        except NotFound as error:
            raise CommandError("There is no active channel of this kind with this id") from error
        with played(options["port"], lambda call: self._tell(vendor, call)) as vendor:
            self.stdout.write(_guide(options["kind"], vendor))
            self._play(vendor, door)

    def _tell(self, vendor: FakeVendor, call: Call) -> None:
        text = vendor.text_of(call)
        self.stdout.write(f"< {text}" if text is not None else f"  {call.method} {call.path}")

    def _play(self, vendor: FakeVendor, door: Door) -> None:
        address = f"{settings.PUBLIC_URL}/channels/{door.public_id}/"
        for line in map(str.strip, sys.stdin):
            if not line:
                return
            word, _space, rest = line.partition(" ")
            if word == "/fail":
                vendor.fail(*[Answer(500)] * (int(rest) if rest.isdecimal() else 1))
            elif word == "/drop":
                vendor.fail(Answer(is_dropped=True))
            else:
                # The channel may have got another secret meanwhile.
                config = find_door(door.public_id, kind=door.kind).config
                self.stdout.write(f"  Everydesk answered {vendor.says(address, config, line)}")


def _played() -> Iterable[str]:
    for kind in FOLDERS:
        try:
            fake_vendor_of(kind)
        except UnknownKind:
            continue
        yield kind


def _guide(kind: str, vendor: FakeVendor) -> str:
    known = {**vendor.settings, **vendor.named_secrets}
    lines = "\n".join(f"  {name} = {json.dumps(value)}" for name, value in known.items())
    return GUIDE.format(kind=kind, port=vendor.port, settings=lines)

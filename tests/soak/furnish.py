"""Furnishes an installation from inside: `python -m tests.soak.furnish WORK`, what is wanted as JSON on input."""

import json
import sys
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.db.models import F  # noqa: E402  (apps are loaded only now)
from django.utils import timezone  # noqa: E402  (apps are loaded only now)

from helpdesk.access import access_of  # noqa: E402
from helpdesk.models import Channel, Conversation, Presence, Staff  # noqa: E402
from helpdesk.services import organizations, presence, replying  # noqa: E402
from helpdesk.tenancy import organization_scope, organization_transaction  # noqa: E402
from tests.factories import make_world  # noqa: E402

# The first organization of an installation without a demo.
ORGANIZATION = 1


def found(wanted: list[dict[str, Any]]) -> dict[str, str]:
    """Found the organization with these channels; returns their public ids by name."""
    world = make_world()
    assert world.organization.pk == ORGANIZATION
    with organization_scope(ORGANIZATION), world.transaction():
        Staff.objects.update(capacity=9_000)
    return open_(wanted)


def open_(wanted: list[dict[str, Any]]) -> dict[str, str]:
    """Open more channels; returns their public ids by name."""
    with organization_scope(ORGANIZATION), organization_transaction():
        opened = [organizations.open_channel(Channel(**each)) for each in wanted]
    return {each.name: each.public_id for each in opened}


def stay(wanted: list[str]) -> int:
    """Have these people be there, with room for everybody, as long as anything is measured."""
    with organization_scope(ORGANIZATION), organization_transaction():
        Staff.objects.update(languages=["zh", "en"])
        for staff in Staff.objects.filter(name__in=[name.title() for name in wanted]):
            presence.sign(staff.pk)
            presence.set_status(access_of(staff), "online")
        return int(Presence.objects.update(lease_until=timezone.now() + timedelta(days=1)))


def answer(wanted: dict[str, Any]) -> int:
    """Have Carol answer every conversation of a channel with these texts, one after the other."""
    with organization_scope(ORGANIZATION):
        with organization_transaction():
            carol = access_of(Staff.objects.get(name="Carol"))
            asked = Conversation.objects.filter(channel__name=wanted["channel"])
            pks = list(asked.annotate(who=F("identity__external_id")).values_list("pk", "who"))
        for text in wanted["texts"]:
            for pk, who in pks:
                replying.reply(carol, pk, text=f"{text} {who}")
    return len(pks) * len(wanted["texts"])


if __name__ == "__main__":
    work = {"found": found, "open": open_, "stay": stay, "answer": answer}[sys.argv[1]]
    sys.stdout.write(json.dumps(work(json.load(sys.stdin))))

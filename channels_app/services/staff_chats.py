"""Colleagues in a messenger of the company's own: told of their customers' messages there, and answering from there.

The channel's settings say who is who. An answer goes into the conversation it names, such as `C-12`, or into the
one that its author was told of last, when there was only one; where it went is said.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from channels_app.models import Dispatch, InboundEvent
from channels_app.protocol import Event
from channels_app.services import mail_copies, staff_answers
from channels_app.services.dispatching import dispatch
from channels_app.services.doors import lines
from channels_app.services.mail_copies import Copy
from channels_app.services.outcomes import Files, Outcome, State
from helpdesk.access import access_of
from helpdesk.access import conversation as visible_conversation
from helpdesk.errors import HelpdeskError, NotFound
from helpdesk.models import Channel, Conversation, Presence, Staff
from helpdesk.registries import Sweep, channel_kinds, sweeps
from helpdesk.services import files as stored_files
from helpdesk.tenancy import organization_transaction

CAPABILITY = "colleagues"
NAMED_FOR, UNNAMED_FOR = timedelta(days=3), timedelta(hours=12)
MOST_CHANNELS, MOST_PEOPLE, MOST_NOTICES, MOST_CHOICES = 20, 1000, 200, 5
LONGEST_SHOWN = 400
_NAMED = re.compile(r"\s*[Cc#]-?([0-9]{1,18})(?![0-9A-Za-z])[\s:：,，]*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """Where an answer of a colleague goes."""

    conversation_id: int
    is_note: bool


def answered(kept: InboundEvent, event: Event, files: Files) -> Outcome | None:
    """Keep what a colleague wrote as their reply or note, and tell them; None where no colleague wrote it."""
    staff = _colleague(kept.channel, event)
    if staff is None:
        return None
    address = event.sender.external_id if event.sender else ""
    with translation.override(staff.user.language or settings.LANGUAGE_CODE):
        told = _told_of(kept.channel, address, timezone.now())
        number, text = _parted(event.text)
        target = _target(told, number)
        if target is None:
            stored_files.discard(files)
            _tell(kept, staff, address, _which(told, number))
            return Outcome(State.IGNORED, reason="which_conversation")
        try:
            entry_id = staff_answers.write(
                staff,
                target.conversation_id,
                is_note=target.is_note,
                text=text,
                files=files,
                reference=kept.dedup_key,
            )
        except HelpdeskError as error:
            stored_files.discard(files)
            words = _("C-%(number)s: this was not taken: %(reason)s")
            facts = {"number": target.conversation_id, "reason": error.message}
            _tell(kept, staff, address, words % facts)
            return Outcome(State.IGNORED, reason="not_taken")
        _tell(kept, staff, address, _where(target))
        return Outcome(State.DONE, entry_id, "by_staff")


def send_notices(now: datetime) -> int:
    """Tell colleagues in messengers what is new; returns how many notices were made. The scope is open."""
    kinds = [name for name, kind in channel_kinds.items() if CAPABILITY in kind.capabilities]
    with organization_transaction():
        channels = Channel.objects.filter(kind__in=kinds, is_active=True, disabled_reason="")
        return sum(_notices(channel, now) for channel in channels.order_by("id")[:MOST_CHANNELS])


def _notices(channel: Channel, now: datetime) -> int:
    addresses = _addresses(channel)
    when = str(channel.settings.get("notices") or "away")
    if when == "never" or not addresses:
        return 0
    rows = Staff.objects.filter(is_active=True, user__email__in=list(addresses))
    people = {each.pk: each for each in rows.select_related("user").order_by("pk")[:MOST_PEOPLE]}
    if when == "away":
        here = Presence.objects.filter(staff_id__in=list(people), lease_until__gt=now)
        for staff_id in here.values_list("staff_id", flat=True):
            people.pop(staff_id)
    wanted = {_key(copy): copy for copy in mail_copies.copies(now, people)} if people else {}
    known = Dispatch.objects.filter(channel=channel, dedup_key__in=list(wanted))
    for key in known.values_list("dedup_key", flat=True):
        wanted.pop(key)
    return sum(_send(channel, copy, addresses[copy.staff.user.email]) for copy in wanted.values())


def _send(channel: Channel, copy: Copy, address: str) -> int:
    conversation = copy.message.conversation
    try:
        visible_conversation(access_of(copy.staff), conversation.pk)
    except NotFound:
        return 0
    with translation.override(copy.staff.user.language or settings.LANGUAGE_CODE):
        text = _notice(copy, conversation)
    made = dispatch(
        channel,
        Dispatch.Kind.NOTICE,
        dedup_key=_key(copy),
        recipient=address,
        payload={"text": text, "is_note": copy.is_note},
        conversation_id=conversation.pk,
    )
    return int(made is not None)


def _key(copy: Copy) -> str:
    return f"chat:{copy.message.pk}:{copy.staff.pk}"


def _notice(copy: Copy, conversation: Conversation) -> str:
    page = settings.PUBLIC_URL + reverse("portal:conversation", args=[conversation.pk])
    said = copy.message.text
    shown = said if len(said) <= LONGEST_SHOWN else f"{said[:LONGEST_SHOWN]}…"
    how = (
        _(
            "Begin with C-%(number)s to write a note to your colleagues. The customer does not see it."
        )
        if copy.is_note
        else _("Begin with C-%(number)s to answer the customer.")
    )
    head = f"[C-{conversation.pk}] {conversation.customer.label}"
    return f"{head}\n{shown}\n\n{how % {'number': conversation.pk}}\n{page}"


def _told_of(channel: Channel, address: str, now: datetime) -> dict[int, tuple[datetime, bool]]:
    """Return the conversations that somebody was told of, with when and whether as one called in, newest first."""
    rows = Dispatch.objects.filter(
        channel=channel,
        kind=Dispatch.Kind.NOTICE,
        recipient=address.lower(),
        conversation__isnull=False,
        created_at__gt=now - NAMED_FOR,
    )
    found: dict[int, tuple[datetime, bool]] = {}
    for row in rows.order_by("-id")[:MOST_NOTICES]:
        if row.conversation_id is not None:
            is_note = bool(row.payload.get("is_note"))
            found.setdefault(row.conversation_id, (row.created_at, is_note))
    return found


def _parted(text: str) -> tuple[int | None, str]:
    named = _NAMED.fullmatch(text)
    return (int(named[1]), named[2].strip()) if named else (None, text)


def _target(told: Mapping[int, tuple[datetime, bool]], number: int | None) -> Target | None:
    """Return where an answer goes; None where that is not certain: no customer gets what another one should."""
    if number is not None:
        return Target(number, told[number][1]) if number in told else None
    lately = [each for each, (at, _is_note) in told.items() if at > timezone.now() - UNNAMED_FOR]
    return Target(lately[0], told[lately[0]][1]) if len(lately) == 1 else None


def _which(told: Mapping[int, tuple[datetime, bool]], number: int | None) -> str:
    if number is not None:
        return _("C-%(number)s is none that you were told of lately. Nothing was sent.") % {
            "number": number
        }
    names = " ".join(f"C-{each}" for each in list(told)[:MOST_CHOICES])
    if not names:
        return _("There is nothing to answer now. Nothing was sent.")
    return _("Which one do you answer? Begin with its number: %(numbers)s. Nothing was sent.") % {
        "numbers": names
    }


def _where(target: Target) -> str:
    words = (
        _("C-%(number)s: your note is there.")
        if target.is_note
        else _("C-%(number)s: your answer is on its way.")
    )
    return words % {"number": target.conversation_id}


def _tell(kept: InboundEvent, staff: Staff, address: str, text: str) -> None:
    dispatch(
        kept.channel,
        Dispatch.Kind.NOTICE,
        dedup_key=f"told:{kept.pk}:{staff.pk}",
        recipient=address,
        payload={"text": text},
    )


def _colleague(channel: Channel, event: Event) -> Staff | None:
    """Return who of the organization wrote, by the channel's settings."""
    kind = channel_kinds.get(channel.kind) if channel.kind in channel_kinds else None
    if kind is None or CAPABILITY not in kind.capabilities or event.sender is None:
        return None
    wrote = event.sender.external_id.lower()
    mails = [mail for mail, address in _addresses(channel).items() if address == wrote]
    rows = Staff.objects.filter(is_active=True, user__is_active=True, user__email__in=mails)
    found: Staff | None = rows.select_related("user").order_by("pk").first()
    return found


def _addresses(channel: Channel) -> dict[str, str]:
    """Return the address in the messenger of each colleague, by their mail address; all in lower case."""
    parts = [each.lower().split() for each in lines(channel.settings.get("colleagues"))]
    return {mail: address for address, mail in (each for each in parts if len(each) == 2)}


sweeps.register("staff_chats", Sweep(run=send_notices, every_seconds=5))

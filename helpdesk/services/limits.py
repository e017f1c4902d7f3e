"""What the platform of a conversation sets to answers: how long, until when, how many, and with which files."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import get_args

from django.db.models import Count
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.errors import Refused
from helpdesk.models import Attachment, Channel, Conversation, Delivery, Direction, Message, Outbox
from helpdesk.registries import FileKind, FileLimit, Limits, channel_kinds, is_call
from helpdesk.services import links
from helpdesk.splitting import SIZES, count_messages

# What a refused answer names as its reason for programs.
GATE, QUOTA_GATE, FILE_GATE = "window", "quota", "files"
# What never reached the platform.
_NOT_SENT = (Delivery.CANCELLED, Delivery.FAILED)


def limits_of(conversation: Conversation) -> Limits:
    """Return what the platform of a conversation sets."""
    return limits_of_channel(conversation.channel)


def limits_of_channel(channel: Channel) -> Limits:
    """Return what the platform of a channel sets; of a kind that nobody knows, nothing."""
    known = channel.kind in channel_kinds
    return channel_kinds.get(channel.kind).limits(channel.settings) if known else Limits()


def closes_at(conversation: Conversation) -> datetime | None:
    """Return until when the customer may be answered; None where nothing is set, or nobody has written."""
    window = limits_of(conversation).reply_window
    if window is None:
        return None
    written = Message.objects.filter(links.chat_of(conversation), direction=Direction.IN)
    wrote_at: datetime | None = written.order_by("-pk").values_list("entry__at", flat=True).first()
    return wrote_at + window if wrote_at else None


def check_window(conversation: Conversation) -> None:
    """Raise Refused where nothing can be written, or the time for it is over: the platform would not take it."""
    reason = wordless_reason(conversation)
    if reason:
        raise Refused(reason, gate=GATE)
    until = closes_at(conversation)
    if until is not None and until <= timezone.now():
        raise Refused(closed_reason(conversation), gate=GATE, closed_at=until.isoformat())


def check_words(conversation: Conversation, text: str, *, has_files: bool) -> None:
    """Raise Refused for an answer that the platform takes at no time: too long, with files, or none at all."""
    known = limits_of(conversation)
    if known.refusal:
        raise Refused(str(known.refusal), gate=GATE)
    if has_files and not known.takes_files:
        reason = _("%(platform)s takes no files in an answer.")
        raise Refused(reason % {"platform": _platform(conversation)}, gate=FILE_GATE)
    size = SIZES[known.text_unit](text)
    if not known.in_parts and size > known.text_max:
        reason = _("%(platform)s takes %(most)s characters in an answer; this one has %(count)s.")
        facts = {"platform": _platform(conversation), "most": known.text_max, "count": size}
        raise Refused(reason % facts, gate=GATE)


def takes_announcements(conversation: Conversation) -> bool:
    """Tell whether what no person wrote may leave: in private, and in words of our own."""
    known = limits_of(conversation)
    return known.freeform and not known.is_public and not known.refusal


def wordless_reason(conversation: Conversation) -> str:
    """Return why nothing can be written to the customer, who calls by phone; empty where it can."""
    if conversation.channel.answers_by_id or not is_call(conversation.channel):
        return ""
    return _("A caller is not answered in writing: call back, or write a note for colleagues.")


def closed_reason(conversation: Conversation) -> str:
    """Return why the customer cannot be answered any more."""
    window = limits_of(conversation).reply_window
    hours = round(window.total_seconds() / 3600) if window else 0
    return _(
        "%(platform)s takes answers for %(hours)s hours after the customer last wrote. They have to write again first."
    ) % {"platform": _platform(conversation), "hours": hours}


def quota_left(conversation: Conversation) -> int | None:
    """Return with how many more messages the customer may be answered now; None where nothing is set."""
    limits = limits_of(conversation)
    if limits.reply_quota is None:
        return None
    written = Message.objects.filter(links.chat_of(conversation), direction=Direction.IN)
    newest = written.order_by("-pk").values_list("pk", flat=True).first() or 0
    sent = Outbox.objects.filter(links.chat_of(conversation), message_id__gt=newest)
    # What was approved before is not counted.
    sent = sent.filter(template__isnull=True)
    rows = sent.exclude(state__in=_NOT_SENT).order_by("message_id")
    counted = rows.annotate(files=Count("message__attachments"))
    found = counted.values_list("message__text", "files")[: limits.reply_quota]
    used = sum(count_messages(text, files, limits) for text, files in found)
    return max(0, limits.reply_quota - used)


def check_quota(conversation: Conversation, text: str, files: int) -> None:
    """Raise Refused when the platform would not take so many messages before the customer writes again."""
    left = quota_left(conversation)
    if left is None:
        return
    wanted = count_messages(text, files, limits_of(conversation))
    if wanted <= left:
        return
    reason = spent_reason(conversation)
    if left:
        reason = _(
            "It would leave as %(wanted)s messages, and %(platform)s takes %(left)s more"
            " until the customer writes again."
        ) % {"wanted": wanted, "platform": _platform(conversation), "left": left}
    raise Refused(reason, gate=QUOTA_GATE, left=left, wanted=wanted)


def spent_reason(conversation: Conversation) -> str:
    """Return why the customer cannot be answered once the quota is used up."""
    return _(
        "%(platform)s takes %(count)s messages until the customer writes again, and all of them were sent."
    ) % {"platform": _platform(conversation), "count": limits_of(conversation).reply_quota}


def check_files(conversation: Conversation, public_ids: Iterable[str]) -> None:
    """Raise Refused for the first of these uploaded files that the platform does not take."""
    limits = limits_of(conversation)
    wanted = list(public_ids)
    if not wanted or (limits.files is None and limits.file_max_bytes is None):
        return
    rows = Attachment.objects.filter(public_id__in=wanted, message__isnull=True).order_by("pk")
    for file in rows.only("name", "mime", "size_bytes"):
        reason = file_refusal(conversation, file.name, mime=file.mime, size=file.size_bytes)
        if reason:
            raise Refused(reason, gate=FILE_GATE, file=file.name)


def file_refusal(conversation: Conversation, name: str, *, mime: str, size: int) -> str:
    """Return why the platform does not take a file; empty when it does."""
    limits = limits_of(conversation)
    told = {"name": name, "platform": _platform(conversation)}
    most = limits.file_max_bytes
    if limits.files is not None:
        rules = [limits.files[kind] for kind in (kind_of(mime), "file") if kind in limits.files]
        fitting = [rule for rule in rules if not rule.mimes or mime in rule.mimes]
        if not fitting:
            return _("%(platform)s does not take files like %(name)s.") % told
        largest = max(rule.most_bytes for rule in fitting)
        most = largest if most is None else min(most, largest)
    if most is not None and size > most:
        told["most"] = filesizeformat(most)
        return _("%(name)s is larger than %(platform)s takes (%(most)s).") % told
    return ""


def told_file_limits(conversation: Conversation) -> str:
    """Return which files the platform takes and how a refusal reads, as JSON; empty where it takes all."""
    limits = limits_of(conversation)
    if limits.files is None and limits.file_max_bytes is None:
        return ""
    platform = _platform(conversation)
    largest = limits.file_max_bytes
    rules = limits.files or {"file": FileLimit(largest or 0)}
    most = {kind: _least(each.most_bytes, largest) for kind, each in rules.items()}
    told = {
        "kinds": {
            kind: {"most": most[kind], "mimes": sorted(each.mimes)} for kind, each in rules.items()
        },
        "unknown": _("%(platform)s does not take files like %(name)s.")
        % {"platform": platform, "name": "{name}"},
        "large": _("%(name)s is larger than %(platform)s takes (%(most)s).")
        % {"name": "{name}", "platform": platform, "most": "{most}"},
        "sizes": {each: filesizeformat(each) for each in most.values()},
    }
    return json.dumps(told, ensure_ascii=False)


def _least(most: int, largest: int | None) -> int:
    return most if largest is None else min(most, largest)


def kind_of(mime: str) -> FileKind:
    """Return which kind of file a type is."""
    found = mime.partition("/")[0]
    return next((kind for kind in get_args(FileKind) if kind == found), "file")


def _platform(conversation: Conversation) -> str:
    return str(channel_kinds.get(conversation.channel.kind).label)

"""Keeps what messages are found by, in the transaction that changes them.

A message is found by its text, by a subject that its conversation does not have already, by the names of
its files, and the first one of a conversation by the conversation's subject.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection
from django.db.models import Prefetch

from helpdesk.models import Attachment, Letter, Message, Organization
from helpdesk.registries import Sweep, sweeps
from helpdesk.search.words import vector
from helpdesk.tenancy import (
    current_organization_id,
    organization_transaction,
    visible_organization_id,
)

# Older messages taken in at once.
BATCH = 500
# Above every id.
EVERYTHING = 2**63 - 1

_STORE = """
INSERT INTO helpdesk_messagewords (organization_id, message_id, at, words)
SELECT %s, given.message, given.at, given.words::tsvector
FROM unnest(%s::bigint[], %s::timestamptz[], %s::text[]) AS given (message, at, words)
ON CONFLICT (message_id) DO """
_REPLACE = "UPDATE SET at = excluded.at, words = excluded.words"
_KEEP = "NOTHING"


def index(message: Message, letter: Letter | None = None, *, has_files: bool = False) -> None:
    """Let a new message be found; its letter and its files, if any, are stored already."""
    files = Attachment.objects.filter(message=message).order_by("id") if has_files else None
    names = [] if files is None else files.values_list("name", flat=True)
    _store([(message, _texts(message, letter, names))])


def reindex(message_ids: Iterable[int]) -> None:
    """Let messages be found by what they say now; by nothing once they were taken back."""
    _store(_said(message_ids))


def index_later() -> None:
    """Have the sweeper take in all messages of the organization that nothing finds yet."""
    Organization.objects.filter(pk=visible_organization_id()).update(unindexed_below=EVERYTHING)


def index_due(now: datetime) -> int:
    """Take in some of the messages from before there was a search, newest first; returns how many."""
    with organization_transaction():
        mine = Organization.objects.filter(pk=current_organization_id())
        found = mine.select_for_update(no_key=True, skip_locked=True).values_list(
            "unindexed_below", flat=True
        )
        below = found.first()
        if below is None:
            return 0
        rows = Message.objects.filter(pk__lt=below).order_by("-pk")
        checked = list(rows.values_list("pk", "words__message")[: BATCH * 4])
        missing = [pk for pk, indexed in checked if indexed is None][:BATCH]
        # Whoever changed one meanwhile knows better.
        _store(_said(missing), on_conflict=_KEEP)
        full = len(missing) == BATCH
        reached = missing[-1] if full else checked[-1][0] if checked else None
        mine.update(unindexed_below=reached)
    return len(missing)


def _texts(message: Message, letter: Letter | None, files: Iterable[str]) -> list[str]:
    known, subject = message.conversation.subject, letter.subject if letter else ""
    own = subject if not known or known not in subject else ""
    first = known if message.entry.number == 1 else ""
    return [text for text in (message.text, first, own, *files) if text]


def _said(message_ids: Iterable[int]) -> list[tuple[Message, list[str]]]:
    names = Prefetch("attachments", Attachment.objects.only("message", "name").order_by("id"))
    rows = Message.objects.filter(pk__in=list(message_ids)).prefetch_related(names)
    shown = ("text", "withdrawn_at", "entry__at", "entry__number", "conversation__subject")
    found = rows.select_related("entry", "conversation", "letter").only(*shown, "letter__subject")
    return [(message, _texts_left(message)) for message in found]


def _texts_left(message: Message) -> list[str]:
    if message.withdrawn_at is not None:
        return []
    names = [file.name for file in message.attachments.all()]
    return _texts(message, getattr(message, "letter", None), names)


def _store(rows: Sequence[tuple[Message, list[str]]], *, on_conflict: str = _REPLACE) -> None:
    if not rows:
        return
    realm = visible_organization_id()
    ids = [message.pk for message, _texts in rows]
    moments = [message.entry.at for message, _texts in rows]
    words = [vector(texts, realm) for _message, texts in rows]
    with connection.cursor() as cursor:
        cursor.execute(_STORE + on_conflict, [realm, ids, moments, words])


sweeps.register("unindexed", Sweep(run=index_due, queue="unindexed", every_seconds=2))

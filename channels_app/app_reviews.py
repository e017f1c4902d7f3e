"""What the stores of apps have in common: a review is a message, what its writer makes of it later a newer version.

A store is looked through page by page, from the newest on, down to what the look before has seen.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, Capabilities, ContactIdentity, Event, Polled
from channels_app.unread import unreadable

MOST_TEXT = 20_000
EVERY = timedelta(minutes=15)
# What a store shows late is found by so much of what the look before has seen.
OVERLAP = timedelta(days=1)
# How far a first look goes back.
BACKLOG = timedelta(days=30)
MOST_STARS = 5
NOTICE: str | Promise = _(
    "Everybody can read it in the store, under the name of your company. It takes the place of any"
    " answer before."
)


def capabilities(text_max: int, longest_send: timedelta) -> Capabilities:
    """Return what answering reviews is like."""
    return Capabilities(
        text_max=text_max,
        in_parts=False,
        takes_files=False,
        attachments=False,
        # Nobody calls: there is nothing to sign.
        body_signed=False,
        is_public=True,
        # The same answer again takes its own place.
        idempotent_send=True,
        longest_send=longest_send,
        notice=NOTICE,
    )


@dataclass(frozen=True, slots=True)
class Review:
    """A review as it is now."""

    identifier: str
    at: datetime
    stars: int
    text: str
    author: str = ""
    language: str = ""
    answer: str = ""
    answered_at: datetime | None = None
    facts: dict[str, str] = field(default_factory=dict)

    def events(self) -> tuple[Event, ...]:
        """Return it as a message, which counts once, and as the version that it is by now."""
        known = Event(
            kind="message",
            dedup_key=self.identifier,
            provider_id=self.identifier,
            sender=ContactIdentity(
                self.identifier,
                display_name=self.author,
                locale=self.language,
                # The store vouches for it; nobody else can write here.
                verified=True,
            ),
            text=self.words,
            sent_at=self.at,
            sequence=int(self.at.timestamp() * 1_000_000),
            data={"stars": self.stars, **self.facts},
        )
        version = replace(known, kind="edit", dedup_key=f"{self.identifier}:{known.sequence}")
        if not self.answer:
            return (known, version)
        at = self.answered_at or self.at
        said = replace(
            known,
            dedup_key=f"{self.identifier}:answer:{int(at.timestamp())}",
            direction="out",
            text=self.answer,
            sent_at=at,
        )
        return (known, version, said)

    @property
    def words(self) -> str:
        """What it says, below its stars."""
        stars = max(0, min(self.stars, MOST_STARS))
        return "\n".join(filter(None, ("★" * stars + "☆" * (MOST_STARS - stars), self.text)))


# The reviews of a page with the bytes of each; one that cannot be read, with why.
Found = list[tuple[bytes, Review | BadPayload]]


def read_each(rows: list[Fields], read: Callable[[Fields], Review | None]) -> Found:
    """Return what can be read of the rows of a page, and what cannot; others are left out."""
    found: Found = []
    for row in rows:
        try:
            review: Review | BadPayload | None = read(row)
        except BadPayload as error:
            review = error
        if review is not None:
            found.append((row.written(), review))
    return found


def _events(raw: bytes, found: Review | BadPayload) -> tuple[Event, ...]:
    return (unreadable(raw, found),) if isinstance(found, BadPayload) else found.events()


@dataclass(frozen=True, slots=True)
class Look:
    """How far a look has come: what was seen before it, the newest that it has met, and its next page."""

    seen: float
    newest: float
    page: str = ""
    is_first: bool = False

    @classmethod
    def at(cls, position: str, now: datetime) -> "Look":
        """Return the look that a position stands for; what cannot be read begins anew."""
        try:
            told = read_object(position.encode()) if position else None
            seen = told.real("seen") if told else None
            if told is not None and seen is not None:
                newest, page = told.real("newest") or seen, told.text("page", 2000)
                return cls(seen, newest, page, told.boolean("is_first"))
        except BadPayload:
            pass
        begun = (now - BACKLOG).timestamp()
        return cls(begun, begun, is_first=True)

    def after(self, reviews: Found, page: str, *, is_in_order: bool) -> Polled:
        """Return a page of reviews, and the position after it.

        Where a store shows them in the order of their time, there is nothing new below what was seen.
        """
        floor = self.seen - OVERLAP.total_seconds()
        fresh = [
            (raw, each)
            for raw, each in reviews
            if isinstance(each, BadPayload) or each.at.timestamp() >= floor
        ]
        known = [each for _raw, each in reviews if isinstance(each, Review)]
        newest = max([self.newest, *(each.at.timestamp() for each in known)])
        has_more = bool(page) and (len(fresh) == len(reviews) or not is_in_order)
        left = replace(self, newest=newest, page=page) if has_more else Look(newest, newest)
        return Polled(
            tuple((raw, _events(raw, each)) for raw, each in fresh),
            left.position,
            has_more=has_more,
            is_backlog=self.is_first,
        )

    @property
    def position(self) -> str:
        """What is stored of it."""
        return json.dumps(asdict(self))

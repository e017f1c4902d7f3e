"""Whether the customer of a thread can be answered now, and what the reply box says of it."""

from datetime import datetime
from functools import cached_property
from typing import Protocol

from django.utils import timezone

from helpdesk.models import Conversation
from helpdesk.registries import Limits
from helpdesk.services import channels, limits


class _May(Protocol):
    @property
    def reply(self) -> bool: ...


class Answering:
    """What a platform and its channel set to answers in one conversation."""

    c: Conversation
    may: _May
    closes_at: datetime | None
    quota_left: int | None

    @cached_property
    def closed(self) -> str:
        """Return why the customer cannot be answered, or not any more; empty while they can."""
        if self.platform.refusal:
            return str(self.platform.refusal)
        wordless = limits.wordless_reason(self.c)
        if wordless:
            return wordless
        is_over = self.closes_at is not None and self.closes_at <= timezone.now()
        if is_over:
            return limits.closed_reason(self.c)
        return limits.spent_reason(self.c) if self.quota_left == 0 else ""

    @cached_property
    def stopped(self) -> str:
        """Return why what is written now would wait; empty while answers leave."""
        return channels.reason_stopped(self.c) if self.may.reply else ""

    @cached_property
    def platform(self) -> Limits:
        return limits.limits_of(self.c)

    @cached_property
    def file_limits(self) -> str:
        """Return which files the platform takes, for the script of the reply box; empty where all."""
        return limits.told_file_limits(self.c)

    @property
    def may_reply(self) -> bool:
        return self.may.reply and not self.closed

"""One token for all processes: whoever finds it missing or old fetches it, and the others wait for that."""

import hashlib
import random
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app.calls import recording
from channels_app.models import VendorToken
from channels_app.protocol import FetchToken, SendError
from helpdesk.tenancy import organization_transaction

# Longer than a call may take: whoever fetches has come back, or never will.
FETCHING = timedelta(seconds=70)
PATIENCE_SECONDS = 20.0
STEP_SECONDS = 0.1
# A token is renewed when so much of its life is over, each time somewhat earlier or later.
RENEWED_AFTER, JITTER = 0.85, 0.1
LONGEST_LIFE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ChannelTokens:
    """The tokens of one channel; its organization is in scope, and no transaction is open.

    What was fetched with other secrets is another version, and no longer asked for.
    """

    channel_id: int
    version: str

    def get(self, name: str, fetch: FetchToken, *, refused: str = "") -> str:
        """Return a good token; see `token_keeping.Tokens`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            found, fence = self._look(name, refused, timezone.now())
            if found:
                return found
            if fence is not None:
                return self._fetched(name, fetch, fence)
            if time.monotonic() > deadline:
                reason = _("The access token is being fetched for too long.")
                raise SendError(reason, kind="server", retryable=True)
            time.sleep(STEP_SECONDS)

    def latest(self, name: str, first: str) -> str:
        """Return what took the place of a secret; see `token_keeping.Tokens`."""
        with organization_transaction():
            row = self._replacements(name, first).first()
            return str(row.value) if row is not None else first

    def replace(self, name: str, first: str, latest: str) -> None:
        """Keep what took the place of a secret; see `token_keeping.Tokens`."""
        with organization_transaction():
            older = VendorToken.objects.filter(channel_id=self.channel_id, name=name)
            older.exclude(version=_version_of(first)).delete()
            VendorToken.objects.bulk_create(
                [VendorToken(channel_id=self.channel_id, name=name, version=_version_of(first))],
                ignore_conflicts=True,
            )
            self._replacements(name, first).update(value=latest)

    def _replacements(self, name: str, first: str) -> QuerySet[VendorToken]:
        return VendorToken.objects.filter(
            channel_id=self.channel_id, name=name, version=_version_of(first)
        )

    def _look(self, name: str, refused: str, now: datetime) -> tuple[str, int | None]:
        """Return the token; or none and the fencing number under which this caller is to fetch it."""
        with organization_transaction():
            row = self._locked(name)
            is_good = row.renew_at is not None and row.renew_at > now and row.value != refused
            if is_good:
                return str(row.value), None
            if row.fetching_until is not None and row.fetching_until > now:
                # The old one serves as long as it is not refused.
                return ("" if row.value == refused else str(row.value)), None
            row.fence += 1
            row.fetching_until = now + FETCHING
            row.save(update_fields=["fence", "fetching_until"])
            return "", row.fence

    def _fetched(self, name: str, fetch: FetchToken, fence: int) -> str:
        try:
            with recording.calls_for(recording.TOKEN):
                value, life = fetch()
        except BaseException:
            self._save(name, fence)
            raise
        share = RENEWED_AFTER + random.random() * JITTER  # noqa: S311  (spreads renewals, protects nothing)
        self._save(
            name, fence, value=value, renew_at=timezone.now() + min(life, LONGEST_LIFE) * share
        )
        return value

    def _save(self, name: str, fence: int, **facts: object) -> None:
        with organization_transaction():
            self._rows(name).filter(fence=fence).update(fetching_until=None, **facts)

    def _locked(self, name: str) -> VendorToken:
        rows = self._rows(name).select_for_update()
        found: VendorToken | None = rows.first()
        if found is not None:
            return found
        older = VendorToken.objects.filter(channel_id=self.channel_id, name=name)
        older.exclude(version=self.version).delete()
        VendorToken.objects.bulk_create(
            [VendorToken(channel_id=self.channel_id, name=name, version=self.version)],
            ignore_conflicts=True,
        )
        return rows.get()

    def _rows(self, name: str) -> QuerySet[VendorToken]:
        return VendorToken.objects.filter(
            channel_id=self.channel_id, name=name, version=self.version
        )


def _version_of(secret: str) -> str:
    """Return what stands for a secret: what replaced it survives every other change of the channel."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

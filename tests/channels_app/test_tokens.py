"""One token for all who need it: fetched once, renewed in time, and again when the vendor refuses it."""

from collections.abc import Callable
from datetime import timedelta
from threading import Lock

import pytest
import time_machine
from django.utils import timezone

from channels_app.models import VendorToken
from channels_app.protocol import SendError
from channels_app.registry import config_of
from channels_app.token_keeping import Tokens
from helpdesk.models import Channel
from helpdesk.tenancy import organization_scope
from tests.factories import World
from tests.races import at_once

HOUR = timedelta(hours=1)


class Issuer:
    """Gives out numbered tokens, and knows how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self._lock = Lock()

    def __call__(self) -> tuple[str, timedelta]:
        with self._lock:
            self.asked += 1
            return f"token {self.asked}", HOUR


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


def tokens_of(world: World) -> Tokens:
    with world.transaction():
        return config_of(Channel.objects.get(pk=world.channel.pk)).tokens


def get(world: World, issuer: Issuer, *, refused: str = "") -> str:
    with organization_scope(world.organization.pk):
        return tokens_of(world).get("access", issuer, refused=refused)


def test_many_who_need_a_token_at_once_make_one_call(world: World, issuer: Issuer) -> None:
    calls: list[Callable[[], str]] = [lambda: get(world, issuer)] * 12
    assert set(at_once(calls)) == {"token 1"}
    assert issuer.asked == 1


def test_many_whose_token_was_refused_make_one_call(world: World, issuer: Issuer) -> None:
    get(world, issuer)
    calls: list[Callable[[], str]] = [lambda: get(world, issuer, refused="token 1")] * 12
    assert set(at_once(calls)) == {"token 2"}
    assert issuer.asked == 2


def test_a_token_is_renewed_before_its_life_ends(world: World, issuer: Issuer) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        get(world, issuer)
    with time_machine.travel(now + HOUR * 0.8, tick=False):
        assert get(world, issuer) == "token 1"
    with time_machine.travel(now + HOUR * 0.96, tick=False):
        assert get(world, issuer) == "token 2"


def test_a_vendor_that_gives_none_is_asked_again_by_the_next(world: World, issuer: Issuer) -> None:
    def refuses() -> tuple[str, timedelta]:
        raise SendError("no", kind="auth")

    with organization_scope(world.organization.pk), pytest.raises(SendError):
        tokens_of(world).get("access", refuses)
    assert get(world, issuer) == "token 1"


def test_whoever_died_fetching_is_not_waited_for_for_ever(world: World, issuer: Issuer) -> None:
    def dies() -> tuple[str, timedelta]:
        with world.transaction():
            VendorToken.objects.update(fence=0)
        raise SendError("dead", kind="server")

    now = timezone.now()
    with time_machine.travel(now, tick=False):
        with organization_scope(world.organization.pk), pytest.raises(SendError):
            tokens_of(world).get("access", dies)
        with world.transaction():
            assert VendorToken.objects.get().fetching_until is not None
    with time_machine.travel(now + timedelta(seconds=71), tick=False):
        assert get(world, issuer) == "token 1"


def test_other_secrets_have_other_tokens_and_nobody_reads_them(
    world: World, issuer: Issuer
) -> None:
    get(world, issuer)
    with world.transaction():
        kept = VendorToken.objects.extra(select={"stored": "value"}).get()
        Channel.objects.update(secret="another")
    assert "token 1" not in str(getattr(kept, "stored", ""))
    assert get(world, issuer) == "token 2"
    with world.transaction():
        assert VendorToken.objects.count() == 1


def test_what_took_the_place_of_a_secret_stays_until_that_secret_is_another(world: World) -> None:
    with organization_scope(world.organization.pk):
        kept = tokens_of(world)
        assert kept.latest("refresh", "first") == "first"
        kept.replace("refresh", "first", "second")
        kept.replace("refresh", "first", "third")
    with world.transaction():
        Channel.objects.update(settings={"text_max": 5})
    with organization_scope(world.organization.pk):
        kept = tokens_of(world)
        assert kept.latest("refresh", "first") == "third"
        assert kept.latest("refresh", "typed anew") == "typed anew"
        kept.replace("refresh", "typed anew", "fourth")
        assert kept.latest("refresh", "first") == "first"
    with world.transaction():
        assert [row.value for row in VendorToken.objects.filter(name="refresh")] == ["fourth"]

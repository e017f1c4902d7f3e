"""What the checks of the contract have in common: channels of every kind, their calls, and where a check applies."""

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.test import Client

from channels_app import polling, registry
from channels_app.fake_vendor import FakeVendor, Sealed
from channels_app.processing import process_due
from channels_app.protocol import Adapter, ChannelConfig, RawRequest
from helpdesk.models import Channel
from helpdesk.registries import channel_kinds
from helpdesk.tenancy import organization_scope
from tests.channels_app.contract_cases import CASES, SECRETS
from tests.factories import World

KINDS = sorted(registry.FOLDERS)
# Those whose vendor calls us; the others are fetched, which test_polling.py is about.
CALLING = [kind for kind in KINDS if CASES[kind].calls_us]
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
CONFIG = ChannelConfig(public_id="channel-1", secrets=SECRETS)
# At least so many checks hold a kind whose calls are signed.
LEAST = 25

Check = TypeVar("Check", bound=Callable[..., object])
Unless = Callable[[str], str]
# Each check by its name, with what says why it does not apply to a kind; empty where it does.
CHECKS: dict[str, Unless] = {}


def check(*unless: Unless) -> Callable[[Check], Check]:
    """Make a test a check of the contract, run for every kind that no `unless` gives a reason for."""

    def mark(function: Check) -> Check:
        def reason(kind: str) -> str:
            return next(filter(None, (each(kind) for each in unless)), "")

        CHECKS[function.__name__] = reason
        return function

    return mark


def applicable(name: str) -> list[str]:
    """Return the kinds that a check is run for."""
    return [kind for kind in KINDS if not CHECKS[name](kind)]


# --- why a check does not apply --------------------------------------------------------------


def is_fetched(kind: str) -> str:
    return "" if CASES[kind].calls_us else "nobody calls us: it is fetched"


def is_not_played(kind: str) -> str:
    return "" if CASES[kind].vendor else "our own page or a mail server: no vendor to play"


def is_not_called(kind: str) -> str:
    vendor = CASES[kind].vendor
    if vendor is not None and not vendor.is_called:
        return "answers lie ready with us: nobody is called"
    return is_not_played(kind)


def has_no_words(kind: str) -> str:
    vendor = CASES[kind].vendor
    return (
        "" if vendor is None or vendor.has_words else "its customers are heard, and write nothing"
    )


def is_silent(kind: str) -> str:
    return "" if CASES[kind].sends else "nothing leaves through it"


def signs_no_body(kind: str) -> str:
    signs = adapter(kind).capabilities.body_signed and CASES[kind].signs_body
    return "" if signs else "its vendor does not sign the body"


def has_keys(kind: str) -> str:
    vendor = CASES[kind].vendor
    return "its vendor proves calls by keys of its own" if vendor and vendor.has_keys else ""


def has_only_hints(kind: str) -> str:
    return "its calls only hint at what is fetched" if CASES[kind].only_hints else ""


def lacks(what: str, of: Callable[[FakeVendor], object]) -> Unless:
    """Return the reason of kinds whose vendor has no such thing."""

    def reason(kind: str) -> str:
        vendor = CASES[kind].vendor
        is_there = vendor is not None and vendor.is_called and of(vendor)
        return "" if is_there else f"its vendor has no {what}"

    return reason


# --- channels and calls ------------------------------------------------------------------------


def config_of(kind: str, **facts: Any) -> ChannelConfig:
    """Return the settings and secrets of a channel of this kind, some of them replaced."""
    case = CASES[kind]
    known = {
        "settings": case.settings,
        "named_secrets": case.named_secrets,
        "vendor_keys": case.vendor_keys,
    }
    return dataclasses.replace(CONFIG, **known | facts)


def sealed(
    kind: str, body: bytes, *, config: ChannelConfig | None = None, at: datetime = NOW
) -> Sealed:
    return CASES[kind].seal(body, config or config_of(kind), at)


def as_request(call: Sealed, **facts: Any) -> RawRequest:
    """Return a call as it reaches an adapter."""
    known: dict[str, Any] = {
        "method": "POST",
        "url": f"{django_settings.PUBLIC_URL}/channels/{CONFIG.public_id}/",
        "query": tuple(call.query.items()),
        "headers": call.headers,
        "body": call.body,
        "received_at": NOW,
    }
    return RawRequest(**known | facts)


def request(
    kind: str, *, config: ChannelConfig | None = None, body: bytes | None = None
) -> RawRequest:
    body = CASES[kind].body(reference(1)) if body is None else body
    return as_request(sealed(kind, body, config=config))


def reference(number: int) -> str:
    """Return an id of a message, the same each time."""
    return f"00000000-0000-4000-8000-{number:012d}"


def adapter(kind: str, config: ChannelConfig | None = None) -> Adapter:
    return registry.make_adapter(kind, config or config_of(kind))


def vendor_of(kind: str) -> FakeVendor:
    """Return who plays the vendor of a kind that is played."""
    vendor = CASES[kind].vendor
    assert vendor is not None
    return vendor


def stored_secret(kind: str) -> str:
    """Return the secrets of a channel as its row keeps them."""
    named = CASES[kind].named_secrets
    if len(channel_kinds.get(kind).secret_names) < 2:
        return CONFIG.secrets[0]
    return json.dumps({"secret": CONFIG.secrets[0], **named})


@contextmanager
def connected(kind: str, world: World) -> Iterator[ChannelConfig]:
    """Make the channel of the world one of this kind, whose vendor answers while this is entered."""
    with CASES[kind].stand_in() as found:
        with world.transaction():
            Channel.objects.update(
                kind=kind, secret=stored_secret(kind), settings={**CASES[kind].settings, **found}
            )
        if has_keys(kind):
            with organization_scope(world.organization.pk):
                polling.begin_polling(NOW)
            assert polling.poll_due() == 1
        yield config_of(kind, public_id=world.channel.public_id, settings=found)


def post(client: Client, kind: str, config: ChannelConfig, call: Sealed) -> HttpResponse:
    """Call the channel's address as the vendor does."""
    headers = {
        f"HTTP_{name.upper().replace('-', '_')}": each for name, each in call.headers.items()
    }
    answer: HttpResponse = client.post(
        f"/channels/{config.public_id}/",
        call.body,
        content_type=CASES[kind].content_type,
        query_params=call.query,
        **headers,
    )
    return answer


def says(
    client: Client, kind: str, config: ChannelConfig, number: int, text: str = "怎么退货?"
) -> HttpResponse:
    """Have the customer write a message, at the time of the contract."""
    call = sealed(kind, CASES[kind].body(reference(number), text=text), config=config)
    return post(client, kind, config, call)


def settle() -> None:
    """Work on what came, and fetch what it hints at."""
    process_due()
    polling.poll_due()
    process_due()


def ago(**duration: float) -> datetime:
    return NOW - timedelta(**duration)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each check of a module that imports this for the kinds it applies to."""
    name = metafunc.function.__name__
    if name in CHECKS:
        metafunc.parametrize("kind", applicable(name))

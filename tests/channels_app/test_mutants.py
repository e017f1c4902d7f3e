"""The contract suite is worth something: it fails for a channel that believes everybody, or stores twice."""

import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connections
from django.test import Client
from psycopg import sql

from channels_app.chat import public_keys
from channels_app.models import InboundEvent
from channels_app.services import ingesting
from channels_app.services.doors import find_door
from deploy.test_databases import owner_connection
from tests.channels_app import contract
from tests.channels_app import test_every_call as suite
from tests.channels_app.test_processing import said
from tests.factories import World
from tests.races import at_once

TABLE = InboundEvent._meta.db_table
ONCE = "inbound_event_once"
# What is only hinted at is fetched once however often the hint is stored.
STORING = [kind for kind in contract.CALLING if not contract.has_only_hints(kind)]
FORGED: tuple[Callable[[str], object], ...] = (
    suite.test_what_the_vendor_did_not_sign_is_refused,
    suite.test_what_a_stranger_signed_is_refused,
    suite.test_what_was_signed_for_another_account_is_refused,
    suite.test_a_channel_without_a_secret_accepts_nothing,
)


@contextmanager
def without_constraint(name: str) -> Iterator[None]:
    """Let the database of this test take what the constraint refuses."""
    database = str(connections["default"].settings_dict["NAME"])
    table, constraint = sql.Identifier(TABLE), sql.Identifier(name)
    with owner_connection(database) as owner:
        found = owner.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [name]
        ).fetchone()
        assert found is not None
        owner.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, constraint))
        try:
            yield
        finally:
            # What is there twice by now keeps the constraint from coming back.
            owner.execute(sql.SQL("TRUNCATE {} CASCADE").format(table))
            rule = sql.SQL(str(found[0]))  # type: ignore[arg-type]  # what PostgreSQL itself said
            owner.execute(
                sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(table, constraint, rule)
            )


@pytest.mark.parametrize("kind", contract.CALLING)
def test_the_contract_fails_where_every_signature_fits(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Signed by somebody else, and right in all that is no signature.
    suite.test_what_a_stranger_signed_is_refused(kind)
    monkeypatch.setattr(hmac, "compare_digest", lambda mine, given: True)
    monkeypatch.setattr(public_keys, "is_signed", lambda header, signed, signature, keys: True)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        suite.test_what_a_stranger_signed_is_refused(kind)


@pytest.mark.parametrize("kind", contract.CALLING)
@pytest.mark.parametrize("check", FORGED)
def test_the_contract_fails_where_nothing_is_verified(
    kind: str, check: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    check(kind)
    monkeypatch.setattr(type(contract.adapter(kind)), "verify", lambda self, request: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        check(kind)


@pytest.mark.usefixtures("contract_time")
@pytest.mark.parametrize("kind", STORING)
def test_the_contract_fails_where_an_event_may_be_there_twice(
    kind: str, world: World, client: Client
) -> None:
    with (
        without_constraint(ONCE),
        pytest.raises((AssertionError, InboundEvent.MultipleObjectsReturned)),
    ):
        suite.test_the_same_call_again_is_stored_once_and_answered_alike(kind, world, client)


def test_the_constraint_alone_keeps_calls_at_once_apart(world: World) -> None:
    door = find_door(world.channel.public_id)

    def stored(key: str) -> int:
        calls = [lambda: ingesting.store(door, [said(key)], b"raw")] * 4
        return sum(len(new) for new in at_once(calls))

    assert stored("guarded") == 1
    with without_constraint(ONCE):
        assert stored("unguarded") == 4
    assert stored("guarded again") == 1

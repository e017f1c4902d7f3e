"""Who a call is made for, and what its token is for."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from helpdesk.crypto import token_hash
from helpdesk.models import ApiToken, AuditEntry, Route
from helpdesk.services import organizations
from helpdesk.services.api_tokens import revoke_token
from tests.helpdesk.api.conftest import Caller, caller


def token_row(call):
    return ApiToken.objects.get(token_hash=token_hash(call.token))


def test_a_valid_token_answers(carol):
    assert carol.get("staff/").status_code == 200


@pytest.mark.parametrize(
    "token", ["", "x", "evd_" + "a" * 43, "a" * 5000, "é", "' OR 1=1 --", "Bearer"]
)
def test_unknown_tokens_are_refused_alike(world, token):
    answer = Caller(token).get("staff/")
    assert answer.status_code == 401
    assert answer.body["code"] == "unauthorized"
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_an_expired_token_is_refused(world, call):
    later = call("carol", expires_at=timezone.now() + timedelta(days=1))
    ended = call("carol", expires_at=timezone.now() - timedelta(seconds=1))
    assert later.get("staff/").status_code == 200
    assert ended.get("staff/").status_code == 401


def test_a_revoked_token_is_refused(world, carol):
    assert carol.get("staff/").status_code == 200
    with world.transaction():
        revoke_token(world.access("alice"), token_row(carol).pk)
        revoke_token(world.access("alice"), token_row(carol).pk)
    assert carol.get("staff/").status_code == 401


def test_only_an_administrator_revokes(world, carol):
    with world.transaction(), pytest.raises(Exception, match="not_found"):
        revoke_token(world.access("bob"), token_row(carol).pk)
    assert carol.get("staff/").status_code == 200


@pytest.mark.parametrize("what", ["staff", "user", "organization"])
def test_the_token_of_somebody_who_left_is_refused(world, carol, what):
    assert carol.get("staff/").status_code == 200
    with world.transaction():
        row = {
            "staff": world.carol,
            "user": world.carol.user,
            "organization": world.organization,
        }[what]
        type(row)._base_manager.filter(pk=row.pk).update(is_active=False)
    assert carol.get("staff/").status_code == 401


def test_a_session_is_no_token(world, client):
    client.force_login(world.carol.user)
    session = client.session
    session["organization_id"] = world.organization.pk
    session.save()
    assert client.get("/api/v1/staff/").status_code == 401


def test_a_token_is_kept_as_a_hash_only(world, carol):
    with world.transaction():
        row = token_row(carol)
    assert carol.token not in str(row.__dict__)
    assert Route.objects.get(key=row.token_hash).target_id == row.pk


def test_a_scope_that_is_missing_is_named(call):
    answer = call("carol", ["customers:read"]).get("staff/")
    assert answer.status_code == 403
    assert answer.body["details"]["scope"] == "staff:read"
    assert call("carol", ["staff:read"]).get("staff/").status_code == 200


def test_scopes_never_give_more_than_the_person_may(world, call):
    received = world.message()
    path = f"conversations/{received.conversation_id}/"
    assert call("carol").get(path).status_code == 200
    for stranger in ("erin", "frank"):
        answer = call(stranger).get(path)
        assert answer.status_code == 404
        assert answer.body == call(stranger).get("conversations/999999/").body


def test_what_a_token_does_is_on_its_account(world, carol):
    received = world.message()
    body = {"direction": "note", "text": "looked at it"}
    carol.post(f"conversations/{received.conversation_id}/messages/", body)
    carol_changes = caller(world, "bob")
    carol_changes.post("customers/", {"name": "Ada"})
    with world.transaction():
        entry = AuditEntry.objects.filter(action="customer.added").get()
        assert entry.actor == AuditEntry.Actor.TOKEN
        assert entry.staff_id == world.bob.pk
        assert entry.data["token"] == token_row(carol_changes).pk


def test_the_command_prints_the_token_once(world):
    out = StringIO()
    call_command(
        "api_token",
        "--organization=acme",
        "--staff=carol@acme.example",
        "--scopes",
        "staff:read",
        "customers:read",
        stdout=out,
    )
    call = Caller(out.getvalue().strip())
    assert call.get("staff/").status_code == 200
    assert call.get("conversations/").status_code == 403


@pytest.mark.parametrize(
    ("organization", "person"), [("nowhere", "carol@acme.example"), ("acme", "nobody@acme.example")]
)
def test_the_command_says_what_is_wrong(world, organization, person):
    with pytest.raises(CommandError):
        call_command(
            "api_token",
            f"--organization={organization}",
            f"--staff={person}",
            "--scopes",
            "staff:read",
        )


def test_a_person_of_two_organizations_acts_for_one(world, other_world):
    with other_world.transaction():
        carol_there = organizations.take_in(
            email="carol@acme.example", name="Carol", department=other_world.support
        )
    other_world.people["carol_here"] = carol_there
    here = caller(world, "carol").get("staff/").body["results"]
    there = caller(other_world, "carol_here").get("staff/").body["results"]
    assert not {row["id"] for row in here} & {row["id"] for row in there}

"""An organization's own server posts the same as the page, signed."""

import base64
import json
from datetime import timedelta

import pytest
import time_machine

from channels_app import signatures
from channels_app.models import Dispatch, InboundEvent
from channels_app.processing import process_due
from helpdesk.models import Attachment, Conversation, Identity
from tests.channels_app.form.forms_sent import NOW, open_form

SECRET = "the form's secret"
POSTED = {
    "id": "order-1",
    "email": "Ann@Shop.Example",
    "name": "Ann",
    "text": "Hello",
    "language": "en",
}


@pytest.fixture
def form(world):
    made = open_form(world)
    with world.transaction():
        made.secret = SECRET
        made.save()
    return made


def post(client, form, data, *, secret=SECRET, identifier="msg-1", kind="form.posted", at=NOW):
    body = json.dumps({"type": kind, "data": data}).encode()
    headers = signatures.signed_headers(identifier, body, secrets=[secret], at=at)
    with time_machine.travel(NOW, tick=False):
        answer = client.post(
            f"/channels/{form.public_id}/", body, content_type="application/json", headers=headers
        )
        process_due()
    return answer


def test_a_signed_posting_becomes_a_conversation_whose_address_is_asked(world, form, client):
    file = {"name": "a.txt", "data": base64.b64encode(b"order").decode()}
    facts = {**POSTED, "topic": "Returns", "files": [file]}
    for identifier in ("msg-1", "msg-2"):
        assert post(client, form, facts, identifier=identifier).json() == {"accepted": 1}
    with world.transaction():
        conversation = Conversation.objects.get()
        assert conversation.subject == "Returns"
        assert conversation.identity.external_id == "ann@shop.example"
        assert conversation.identity.awaits_proof
        assert Attachment.objects.get().name == "a.txt"
        assert Dispatch.objects.get().payload["subject"].startswith("Please confirm")


def test_unsigned_stale_and_foreign_postings_are_turned_away(world, form, client):
    stale = NOW - timedelta(minutes=6)
    assert post(client, form, POSTED, secret="a guess").status_code == 401
    assert post(client, form, POSTED, at=stale).status_code == 401
    with world.transaction():
        form.secret = ""
        form.save()
    assert post(client, form, POSTED, secret="").status_code == 401
    with world.transaction():
        assert not InboundEvent.objects.exists()


def test_nobody_is_verified_by_saying_so(world, form, client):
    post(client, form, {**POSTED, "verified": True, "needs_proof": False})
    with world.transaction():
        assert not Identity.objects.get(channel=form).is_verified


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"email": "nobody"}, "data.email"),
        ({"email": "a@[127.0.0.1]"}, "data.email"),
        ({"text": " "}, "data.text"),
        ({"text": "x" * 10_001}, "data.text"),
        ({"name": "x" * 121}, "data.name"),
        ({"files": [{}] * 6}, "data.files"),
        ({"files": [{"name": "a", "data": "?"}]}, "data.files[0].data"),
        ({"id": "x" * 65}, "data.id"),
    ],
)
def test_what_cannot_be_read_is_kept_and_says_why(world, form, client, wrong, where):
    answer = post(client, form, {**POSTED, **wrong})
    assert answer.status_code == 200
    assert answer.json()["reason"].startswith(where)
    with world.transaction():
        assert InboundEvent.objects.get().state == "quarantined"


def test_types_that_we_do_not_know_mean_nothing(world, form, client):
    assert post(client, form, POSTED, kind="form.opened").json() == {"accepted": 0}

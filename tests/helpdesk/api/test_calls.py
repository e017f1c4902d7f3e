"""REST: who may read phone calls, and who may have a customer called."""

import pytest

from helpdesk.models import Call, Channel, Customer, Staff
from helpdesk.services import organizations


@pytest.fixture
def thread(world):
    """A conversation with somebody who left a number, and a line that calls go through."""
    pk = world.message().conversation_id
    with world.transaction():
        organizations.open_channel(Channel(kind="voice_twilio", name="热线"))
        Customer.objects.update(phone="+8613800138000")
        Staff.objects.filter(pk=world.carol.pk).update(call_address="+8613911112222")
    return pk


def test_a_customer_is_called_once_for_a_key(world, carol, thread):
    path = f"conversations/{thread}/calls/"
    key = {"Idempotency-Key": "k1"}
    first, again = (carol.post(path, None, **key) for _each in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.body == again.body
    assert first.body["state"] == "wanted"
    assert first.body["customer_number"] == "+8613800138000"
    (listed,) = carol.get(path).body["results"]
    assert listed == first.body
    with world.transaction():
        assert Call.objects.count() == 1


def test_scopes_and_rights_decide(world, call, thread):
    path = f"conversations/{thread}/calls/"
    reader = call("carol", ["calls:read"])
    assert reader.get(path).status_code == 200
    assert reader.post(path, None).status_code == 403
    assert call("carol", ["messages:write"]).get(path).status_code == 403
    stranger = call("erin")
    assert stranger.get(path).status_code == 404
    assert stranger.post(path, None).status_code == 404
    assert call("dave").post(path, None).status_code == 403
    with world.transaction():
        assert not Call.objects.exists()

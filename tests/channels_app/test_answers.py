"""What vendors read once their call is stored."""

from channels_app import registry
from channels_app.adapters.line.adapter import Adapter, signature
from channels_app.models import InboundEvent
from channels_app.protocol import HttpReply, RawRequest
from helpdesk.models import Channel
from helpdesk.services import organizations


def test_a_vendor_that_insists_on_an_answer_gets_it_whether_its_call_can_be_read_or_not(
    world, client, monkeypatch, settings
):
    seen: list[RawRequest] = []

    class Insistent(Adapter):
        def accepted(self, request):
            seen.append(request)
            return HttpReply(body=b"<Response/>", content_type="text/xml")

    monkeypatch.setattr(registry, "adapter_class", lambda kind: Insistent)
    with world.transaction():
        line = organizations.open_channel(Channel(kind="line", name="LINE", secret="s"))
    for body in (b'{"events":[]}', b"{"):
        answer = client.post(
            f"/channels/{line.public_id}/?a=1",
            body,
            content_type="application/json",
            HTTP_X_LINE_SIGNATURE=signature("s", body),
        )
        assert (answer.status_code, answer.content) == (200, b"<Response/>")
        assert answer["content-type"] == "text/xml"
    assert {each.url for each in seen} == {f"{settings.PUBLIC_URL}/channels/{line.public_id}/?a=1"}
    with world.transaction():
        assert InboundEvent.objects.get().kind == "unreadable"

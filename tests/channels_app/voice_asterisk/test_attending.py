"""What is done with the calls of an Asterisk, event by event."""

import json
from typing import Any

import pytest

from channels_app.adapters.voice_asterisk.ari import Interface, event_of
from channels_app.adapters.voice_asterisk.attending import Attendant
from channels_app.adapters.voice_asterisk.fake import NUMBER, Vendor
from channels_app.exchange import CallStanding
from channels_app.protocol import ChannelConfig, Event

CAROL = "sip:carol@pbx.example"
FANG = "+8613800138000"


class Line:
    """Keeps what is told, and knows of calls what a test says."""

    def __init__(self) -> None:
        self.position = ""
        self.events: list[Event] = []
        self.stands = CallStanding("en")

    def is_wanted(self) -> bool:
        return True

    def works(self) -> None:
        pass

    def take(self, raw: bytes, events: Any, *, position: str | None = None) -> None:
        self.events += events
        self.position = self.position if position is None else position

    def standing(self, call_id: str, reference: str) -> CallStanding:
        return self.stands

    @property
    def told(self) -> list[tuple[object, object]]:
        return [(each.data.get("leg", ""), each.data["change"]) for each in self.events]


class Asterisk(Interface):
    """Does all it is asked, and remembers."""

    def __init__(self, **settings: object) -> None:
        facts = {**Vendor.facts, "base_url": "http://pbx.example/ari", **settings}
        super().__init__(ChannelConfig("c", settings=facts, secrets=("s",)))
        self.done: list[tuple[str, str, dict[str, str]]] = []
        self.there: set[str] = set()

    def do(self, method: str, path: str, **query: str) -> bool:
        self.done.append((method, path, query))
        return True

    def channel_ids(self) -> set[str]:
        return self.there

    def paths(self, method: str) -> list[str]:
        return [path for each, path, _query in self.done if each == method]


class Desk:
    def __init__(self, **settings: object) -> None:
        self.ari, self.line, self.now = Asterisk(**settings), Line(), 1000.0
        self.attendant = self.again()

    def again(self) -> Attendant:
        return Attendant(self.ari, self.line, clock=lambda: self.now)

    def hear(self, kind: str, channel: str = "c1", **facts: Any) -> None:
        raw = Vendor().event(kind, channel, **facts)
        self.attendant.hear(raw, event_of(raw))

    @property
    def leg(self) -> str:
        (call,) = self.attendant.calls.values()
        return call.leg


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.hear("StasisStart", args=[])
    return desk


def rung(desk: Desk) -> str:
    desk.line.stands = CallStanding("en", ring=CAROL, staff_id=7)
    desk.attendant.tick()
    return desk.leg


def test_a_caller_is_answered_and_waits_with_music(desk: Desk) -> None:
    (event,) = desk.line.events
    assert desk.line.told == [("customer", "ringing")]
    assert event.sender is not None
    assert (event.sender.external_id, event.sender.verified) == (FANG, False)
    assert desk.ari.paths("POST") == ["/channels/c1/answer", "/channels/c1/moh"]
    desk.attendant.tick()
    assert len(desk.line.events) == 1


def test_whoever_has_the_conversation_is_rung_and_put_through(desk: Desk) -> None:
    leg = rung(desk)
    method, path, query = desk.ari.done[-1]
    assert (method, path, query["endpoint"]) == ("POST", "/channels", "PJSIP/carol")
    assert (query["appArgs"], query["channelId"], query["timeout"]) == ("leg,c1", leg, "20")
    desk.hear("StasisStart", leg, args=["leg", "c1"])
    assert desk.line.told[1:] == [("staff", "ringing"), ("staff", "answered")]
    assert desk.line.events[-1].data["staff_id"] == 7
    assert any(query.get("channel") == f"c1,{leg}" for *_place, query in desk.ari.done)
    desk.hear("ChannelHold", leg)
    desk.hear("ChannelUnhold", leg)
    assert desk.line.told[-2:] == [("staff", "held"), ("staff", "resumed")]
    desk.hear("ChannelDestroyed", leg, cause=16)
    assert "/channels/c1" in desk.ari.paths("DELETE")
    desk.hear("ChannelDestroyed", "c1", cause=16)
    assert desk.line.told[-2:] == [("staff", "ended"), ("customer", "ended")]
    assert json.loads(desk.line.position) == []


def test_who_does_not_pick_up_is_not_rung_again(desk: Desk) -> None:
    leg = rung(desk)
    desk.hear("ChannelDestroyed", leg, cause=19)
    assert desk.line.told[-1] == ("staff", "unanswered")
    desk.attendant.tick()
    assert desk.leg == ""
    desk.line.stands = CallStanding("en", ring="+8613911112222", staff_id=8)
    desk.attendant.tick()
    assert desk.ari.done[-1][2]["endpoint"] == "PJSIP/+8613911112222@trunk"


def test_who_waited_for_long_leaves_a_message(desk: Desk) -> None:
    desk.now += 91
    desk.attendant.tick()
    name = desk.ari.done[-1][2]["name"]
    desk.hear("RecordingFinished", recording={"name": name, "duration": 7, "format": "wav"})
    event = desk.line.events[-1]
    assert (event.data["change"], event.data["seconds"]) == ("left", 7)
    assert event.sender is not None
    (file,) = event.attachments
    assert file.url == f"http://pbx.example/ari/recordings/stored/{name}/file"
    assert "/channels/c1" in desk.ari.paths("DELETE")


def test_a_message_told_of_after_the_end_is_of_the_known_call(desk: Desk) -> None:
    desk.now += 91
    desk.attendant.tick()
    desk.hear("ChannelDestroyed", "c1")
    desk.hear("RecordingFinished", recording={"name": "left-c1", "duration": 7})
    assert (desk.line.events[-1].data["change"], desk.line.events[-1].sender) == ("left", None)


def test_silence_is_no_message(desk: Desk) -> None:
    desk.now += 91
    desk.attendant.tick()
    desk.hear("RecordingFinished", recording={"name": "left-c1", "duration": 0})
    assert desk.line.told == [("customer", "ringing")]


def test_a_talk_is_recorded_only_with_an_announcement() -> None:
    for settings, is_recorded in (
        ({"records": True}, False),
        ({"announcement": "sound:recorded"}, False),
        ({"records": True, "announcement": "sound:recorded"}, True),
    ):
        desk = Desk(**settings)
        desk.hear("StasisStart", args=[])
        desk.hear("StasisStart", rung(desk), args=["leg", "c1"])
        assert any(path.endswith("/record") for path in desk.ari.paths("POST")) == is_recorded


def test_a_colleagues_call_rings_the_customer_once_they_picked_up() -> None:
    desk = Desk()
    desk.line.stands = CallStanding("en", customer_number=FANG)
    desk.hear("StasisStart", "o1", args=["ours", "ref-1", "7"])
    assert desk.ari.done[-1][2]["endpoint"] == f"PJSIP/{FANG}@trunk"
    assert desk.ari.done[-1][2]["callerId"] == NUMBER
    desk.hear("StasisStart", desk.leg, args=["leg", "o1"])
    assert desk.line.told == [
        ("staff", "answered"),
        ("customer", "ringing"),
        ("customer", "answered"),
    ]
    assert {each.data["reference"] for each in desk.line.events} == {"ref-1"}
    desk.hear("ChannelDestroyed", "o1")
    assert desk.line.told[-1] == ("staff", "ended")


@pytest.mark.parametrize(("cause", "ending"), [(17, "busy"), (19, "missed"), (41, "failed")])
def test_a_customer_who_is_not_reached_ends_the_call(cause: int, ending: str) -> None:
    desk = Desk()
    desk.line.stands = CallStanding("en", customer_number=FANG)
    desk.hear("StasisStart", "o1", args=["ours", "ref-1", "7"])
    desk.hear("ChannelDestroyed", desk.leg, cause=cause)
    assert desk.line.told[-1] == ("customer", "unanswered")
    assert desk.line.events[-1].data["ending"] == ending
    assert "/channels/o1" in desk.ari.paths("DELETE")


def test_a_colleague_who_did_not_pick_up_is_told_of() -> None:
    desk = Desk()
    desk.hear("ChannelDestroyed", "o1", cause=19)
    assert desk.line.told == [("staff", "unanswered")]
    desk.hear("ChannelDestroyed", "everydesk-gone", cause=16)
    assert len(desk.line.events) == 1


def test_whoever_takes_the_line_up_goes_on_with_what_is_still_there(desk: Desk) -> None:
    desk.hear("StasisStart", "c2", args=[])
    desk.ari.there = {"c2"}
    desk.attendant = desk.again()
    desk.attendant.resume()
    assert desk.line.told[-1] == ("customer", "ended")
    assert desk.line.events[-1].data["call_id"] == "c1"
    assert set(desk.attendant.calls) == {"c2"}


def test_a_late_leg_is_hung_up(desk: Desk) -> None:
    desk.hear("StasisStart", "everydesk-late", args=["leg", "c1"])
    assert "/channels/everydesk-late" in desk.ari.paths("DELETE")
    assert "everydesk-late" not in desk.attendant.calls


def test_other_reports_change_nothing(desk: Desk) -> None:
    for kind in ("ChannelVarset", "PlaybackStarted", "ChannelDtmfReceived", "Dial", "Beamed"):
        desk.hear(kind)
    assert len(desk.line.events) == 1

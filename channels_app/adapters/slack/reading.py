"""What a call of Slack reports: one event, and nothing for kinds that mean nothing to us.

A message is known by its channel and its time there: `channel:ts`. The same message comes once as itself
and once as a mention of the app, and is the same event both times.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from channels_app.adapters.slack.content import files_of, text_of
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, ContactIdentity, Event, EventKind
from channels_app.signs import reaction_data

# What stands between a channel and the first message of a thread in a thread's key.
THREAD = "/"
MOST_FORM_FIELDS = 100
MOST_ACTIONS = 25
_TS = re.compile(r"[0-9]{1,10}\.[0-9]{1,6}")
# Which of the messages with a subtype somebody wrote.
_WRITTEN = frozenset({"", "file_share", "me_message", "thread_broadcast"})
_GONE = "tombstone"


def read_events(body: bytes, team: str = "") -> list[Event]:
    """Return what the call reports to a workspace; without one, to any. Raises BadPayload."""
    if body.startswith((b"payload=", b"token=")):
        return _chosen(_form(body), team)
    call = read_object(body)
    if call.line("type", 50) != "event_callback" or _is_elsewhere(call, team):
        return []
    data = call.fields("event")
    read = _READERS.get(data.line("type", 100))
    event = read(call, data) if read else None
    return [event] if event else []


def _is_elsewhere(call: Fields, team: str) -> bool:
    found = call.identifier("team_id", 50)
    return bool(team and found and found != team)


def _message(call: Fields, data: Fields) -> Event | None:
    kind = data.line("subtype", 100)
    if kind == "message_changed":
        return _changed(data)
    if kind == "message_deleted":
        before = data.fields("previous_message")
        return _withdrawn(data, before, data.identifier("deleted_ts", 50, required=True))
    person = _person(data)
    if kind not in _WRITTEN or person is None:
        return None
    place, at = _place(data), _ts(data, "ts")
    return _made(
        "message",
        f"{place}:{at}",
        sender=person,
        thread_key=_thread(data, at),
        provider_id=f"{place}:{at}",
        sent_at=moment_of(at),
        text=text_of(data),
        attachments=files_of(data),
        reply_to=_answered(data, place, at),
    )


def _changed(data: Fields) -> Event | None:
    """Read that a message says something else now; a preview that was added to it says nothing new."""
    newer = data.fields("message")
    at = _ts(newer, "ts")
    if newer.line("subtype", 100) == _GONE:
        return _withdrawn(data, data.fields("previous_message"), at)
    person = _person(newer)
    if person is None or "edited" not in newer:
        return None
    changed = _ts(newer.fields("edited"), "ts")
    place = _place(data)
    return _made(
        "edit",
        f"{place}:{at}:{changed}",
        sender=person,
        thread_key=_thread(data, at, newer),
        provider_id=f"{place}:{at}",
        sent_at=moment_of(changed),
        sequence=_sequence(changed),
        text=text_of(newer),
    )


def _withdrawn(data: Fields, before: Fields, at: str) -> Event | None:
    person = _person(before)
    place = _place(data)
    if person is None:
        return None
    return _made(
        "delete",
        f"{place}:{at}",
        sender=person,
        thread_key=_thread(data, at, before),
        provider_id=f"{place}:{at}",
    )


def _reaction(call: Fields, data: Fields) -> Event | None:
    about, person = data.fields("item"), _person(data)
    if about.line("type", 50) != "message" or person is None:
        return None
    message = f"{_place(about)}:{_ts(about, 'ts')}"
    at = _ts(data, "event_ts")
    is_gone = data.line("type", 100) == "reaction_removed"
    return _made(
        "reaction",
        f"{message}:{data.line('reaction', 200)}:{is_gone:d}:{at}",
        sender=person,
        references=(message,),
        sent_at=moment_of(at),
        data=reaction_data(data.line("reaction", 200), is_gone=is_gone),
    )


def _lifecycle(call: Fields, data: Fields) -> Event | None:
    return _made(
        "lifecycle",
        call.identifier("event_id", required=True),
        sender=_person(data),
        thread_key=data.identifier("channel", 50)
        if data.line("type", 100) != "app_home_opened"
        else "",
        data={"state": data.line("type", 100)},
    )


_READERS: dict[str, Callable[[Fields, Fields], Event | None]] = {
    "message": _message,
    "app_mention": _message,
    "reaction_added": _reaction,
    "reaction_removed": _reaction,
    "member_joined_channel": _lifecycle,
    "member_left_channel": _lifecycle,
    "app_home_opened": _lifecycle,
    "app_uninstalled": _lifecycle,
}


def _chosen(call: Fields, team: str) -> list[Event]:
    """Read which buttons of a message were pressed."""
    person = _person_of(call.fields("user"))
    if call.line("type", 50) != "block_actions" or person is None:
        return []
    found_in = call.fields("team").identifier("id", 50)
    if team and found_in and found_in != team:
        return []
    place = call.fields("container")
    chosen_ones = []
    for action in call.each("actions", MOST_ACTIONS):
        option = action.fields("selected_option")
        chosen = option.text("value", 2000) or action.text("value", 2000)
        at = action.identifier("action_ts", 50, required=True)
        about = f"{place.identifier('channel_id', 50)}:{place.identifier('message_ts', 50)}"
        chosen_ones.append(
            _made(
                "postback",
                f"{about}:{action.line('action_id', 300)}:{at}",
                sender=person,
                references=(about,),
                sent_at=moment_of(at),
                text=chosen,
                data={"data": chosen},
            )
        )
    return chosen_ones


def _form(body: bytes) -> Fields:
    """Return what a form holds: an object in the field `payload`; a command holds nothing for us."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            strict_parsing=True,
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_FORM_FIELDS,
        )
    except ValueError as error:
        raise BadPayload("body: not a form in UTF-8") from error
    return read_object(dict(pairs).get("payload", "{}").encode("utf-8", "replace"))


def moment_of(ts: str) -> datetime | None:
    """Return the instant of a time of theirs; None where it is none."""
    if not _TS.fullmatch(ts):
        return None
    return datetime.fromtimestamp(_sequence(ts) / 1_000_000, UTC)


def _made(kind: EventKind, about: str, /, **facts: object) -> Event:
    return Event(
        kind=kind,
        dedup_key=f"{kind}:{about}",
        **facts,  # type: ignore[arg-type]  # each caller gives fields of Event
    )


def _person(data: Fields) -> ContactIdentity | None:
    """Return who wrote; None for apps, ours among them, and for Slack itself."""
    user = data.identifier("user", 50)
    is_app = "bot_id" in data or "bot_profile" in data
    if not user or is_app or user == "USLACKBOT":
        return None
    profile = data.fields("user_profile")
    name = profile.line("display_name", 200) or profile.line("real_name", 200)
    return ContactIdentity(user, display_name=name, verified=True)


def _person_of(user: Fields) -> ContactIdentity | None:
    found = user.identifier("id", 50)
    name = user.line("name", 200)
    return ContactIdentity(found, display_name=name, verified=True) if found else None


def _place(data: Fields) -> str:
    return data.identifier("channel", 50, required=True)


def _thread(data: Fields, at: str, message: Fields | None = None) -> str:
    """Return the thread that a message belongs to, or begins; nothing for a private chat."""
    place = _place(data)
    if place.startswith("D") or data.line("channel_type", 20) == "im":
        return ""
    return f"{place}{THREAD}{(message or data).identifier('thread_ts', 50) or at}"


def _answered(data: Fields, place: str, at: str) -> str:
    first = data.identifier("thread_ts", 50)
    return f"{place}:{first}" if first and first != at else ""


def _ts(data: Fields, name: str) -> str:
    found = data.identifier(name, 50, required=True)
    if not _TS.fullmatch(found):
        raise data.refuse(name, "is no time")
    return found


def _sequence(ts: str) -> int:
    seconds, _point, rest = ts.partition(".")
    return int(seconds) * 1_000_000 + int(rest.ljust(6, "0"))

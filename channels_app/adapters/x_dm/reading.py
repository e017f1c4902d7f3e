"""What a call of X reports about direct messages, and nothing for what else happens to the account."""

from typing import Literal

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields, read_object
from channels_app.protocol import Attachment, ContactIdentity, Event, RawRequest

MOST_EVENTS = 1000
MOST_TEXT = 20_000
_FILES: dict[str, Literal["image", "video"]] = {
    "photo": "image",
    "video": "video",
    "animated_gif": "video",
}
_FOLLOWS = frozenset({"follow", "unfollow"})


def read_events(request: RawRequest, *, account: str) -> list[Event]:
    """Return what the call reports, unless it is for another account. Raises BadPayload."""
    body = read_object(request.body)
    if body.reference("for_user_id", 40) != account:
        return []
    people = body.fields("users")
    found = [
        *(
            _message(each, people, account)
            for each in body.each("direct_message_events", MOST_EVENTS)
        ),
        *(
            _read(each, account)
            for each in body.each("direct_message_mark_read_events", MOST_EVENTS)
        ),
        *(_follow(each, account) for each in body.each("follow_events", MOST_EVENTS)),
    ]
    return [each for each in found if each is not None]


def _message(data: Fields, people: Fields, account: str) -> Event | None:
    if data.line("type", 50) != "message_create":
        return None
    made = data.fields("message_create")
    sender = made.reference("sender_id", 40, required=True)
    is_ours = sender == account
    person = made.fields("target").reference("recipient_id", 40) if is_ours else sender
    content = made.fields("message_data")
    reference = data.reference("id", 40, required=True)
    chosen = content.fields("quick_reply_response").text("metadata", 1000)
    return Event(
        kind="message",
        dedup_key=reference,
        provider_id=reference,
        sender=_person(person, people),
        direction="out" if is_ours else "in",
        text=_text_of(content),
        attachments=_attachments(content),
        sent_at=data.moment("created_timestamp"),
        data={"chosen": chosen} if chosen else {},
    )


def _read(data: Fields, account: str) -> Event | None:
    person = data.reference("sender_id", 40)
    at = data.moment("created_timestamp")
    if not person or person == account or at is None:
        return None
    last = data.reference("last_read_event_id", 40)
    return Event(
        kind="receipt",
        dedup_key=f"read:{last}:{at.timestamp():.3f}",
        sender=ContactIdentity(person, verified=True),
        status="read",
        watermark=at,
    )


def _follow(data: Fields, account: str) -> Event | None:
    what = data.line("type", 50)
    person = data.fields("source").reference("id", 40)
    if what not in _FOLLOWS or not person or person == account:
        return None
    at = data.moment("created_timestamp")
    return Event(
        kind="lifecycle",
        dedup_key=f"{what}:{at.timestamp() if at else data.digest()}",
        sender=ContactIdentity(person, verified=True),
        sent_at=at,
        data={"state": what},
    )


def _person(person: str, people: Fields) -> ContactIdentity:
    known = people.fields(person)
    name = known.line("name", 200) or known.line("screen_name", 100)
    return ContactIdentity(person, display_name=name, verified=True)


def _text_of(content: Fields) -> str:
    text = content.text("text", MOST_TEXT)
    if text or ("attachment" in content and _attachments(content)):
        return text
    kind = content.fields("attachment").line("type", 50) or "?"
    return _("[A message of a kind that cannot be shown: %(kind)s]") % {"kind": kind}


def _attachments(content: Fields) -> tuple[Attachment, ...]:
    media = content.fields("attachment").fields("media")
    kind = _FILES.get(media.line("type", 50))
    # A film is there as a picture of it, and in several sizes, of which one will do.
    url = media.identifier("media_url_https", 2000)
    films = media.fields("video_info").each("variants", 20)
    addresses = [each.identifier("url", 2000) for each in films if _is_film(each)]
    if kind == "video" and addresses:
        return (Attachment("video", mime="video/mp4", url=addresses[0]),)
    return (Attachment("image", url=url),) if kind and url else ()


def _is_film(variant: Fields) -> bool:
    return variant.line("content_type", 50) == "video/mp4"

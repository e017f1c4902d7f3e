"""What a message of WhatsApp says in words, and the files it brings."""

from collections.abc import Callable
from typing import Literal

from django.utils.translation import gettext as _

from channels_app.json_fields import Fields
from channels_app.protocol import Attachment

MOST_TEXT = 20_000
MOST_ROWS = 300
_FILES: dict[str, Literal["image", "audio", "video", "file"]] = {
    "image": "image",
    "sticker": "image",
    "audio": "audio",
    "video": "video",
    "document": "file",
}


def text_of(message: Fields, kind: str) -> str:
    """Return what a message says in words; of kinds without words, what it is."""
    if kind in _FILES:
        return message.fields(kind).text("caption", MOST_TEXT)
    read = _WORDS.get(kind)
    found = read(message) if read else ""
    return found or _unknown(message, kind)


def attachments_of(message: Fields, kind: str) -> tuple[Attachment, ...]:
    """Return the file of a message, which is fetched by its id."""
    if kind not in _FILES:
        return ()
    file = message.fields(kind)
    return (
        Attachment(
            kind=_FILES[kind],
            filename=file.line("filename", 300)[:200],
            mime=file.line("mime_type", 200).partition(";")[0].strip(),
            media_ref=file.identifier("id", required=True),
        ),
    )


def _unknown(message: Fields, kind: str) -> str:
    if kind == "unsupported":
        kind = message.fields("unsupported").line("type", 50) or kind
    return _("[A message of a kind that cannot be shown: %(kind)s]") % {"kind": kind}


def _text(message: Fields) -> str:
    return message.fields("text").text("body", MOST_TEXT)


def _button(message: Fields) -> str:
    return message.fields("button").text("text", MOST_TEXT)


def _interactive(message: Fields) -> str:
    """Return what was chosen from our buttons or list, or filled in."""
    answer = message.fields("interactive")
    chosen = answer.fields("button_reply") if "button_reply" in answer else None
    if "list_reply" in answer:
        chosen = answer.fields("list_reply")
    if chosen is not None:
        return _lines(chosen.text("title", 1000), chosen.text("description", 1000))
    form = answer.fields("nfm_reply")
    return _lines(form.text("body", MOST_TEXT), form.text("response_json", MOST_TEXT))


def _place(message: Fields) -> str:
    place = message.fields("location")
    latitude, longitude = place.real("latitude"), place.real("longitude")
    where = "" if latitude is None or longitude is None else f"{latitude:.6f}, {longitude:.6f}"
    words = (place.line("name", 300), place.line("address", 1000), where)
    return _lines(_("[A place]"), *words)


def _contacts(message: Fields) -> str:
    rows = [_("[Contacts]")]
    for each in message.each("contacts", MOST_ROWS):
        phones = [phone.line("phone", 100) for phone in each.each("phones", MOST_ROWS)]
        emails = [email.line("email", 300) for email in each.each("emails", MOST_ROWS)]
        name = each.fields("name").line("formatted_name", 300)
        rows.append(", ".join(filter(None, (name, *phones, *emails))))
    return _lines(*rows)


def _order(message: Fields) -> str:
    order = message.fields("order")
    rows = [_("[An order]")]
    for each in order.each("product_items", MOST_ROWS):
        name = each.line("product_retailer_id", 300)
        price = " ".join(filter(None, (_number(each, "item_price"), each.line("currency", 10))))
        rows.append(f"{_number(each, 'quantity')} × {name} ({price})")
    return _lines(*rows, order.text("text", MOST_TEXT))


def _number(data: Fields, name: str) -> str:
    found = data.real(name)
    return "" if found is None else f"{found:.15g}"


def _lines(*rows: str) -> str:
    return "\n".join(filter(None, rows))


_WORDS: dict[str, Callable[[Fields], str]] = {
    "text": _text,
    "button": _button,
    "interactive": _interactive,
    "location": _place,
    "contacts": _contacts,
    "order": _order,
}

"""What a posting says: read strictly, whether it comes from the page or from an organization's own server."""

import base64
import binascii
import hashlib
from typing import Literal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from channels_app.json_fields import Fields, read_object
from channels_app.protocol import Attachment, ContactIdentity, Event, RawRequest

TYPE = "form.posted"
MOST_TEXT = 10_000
MOST_NAME = 120
MOST_SUBJECT = 200
MOST_ADDRESS = 200  # what an identity holds
MOST_COMPANY = 120
MOST_PHONE = 30
MOST_FILES = 5
LONGEST_KEY = 64
Language = Literal["zh", "en"]
# What was filled in besides the text stands below it, in the language of the form.
_WORDS: dict[Language, dict[str, str]] = {
    "zh": {"topic": "问题类型：", "company": "公司：", "phone": "电话："},
    "en": {"topic": "Topic: ", "company": "Company: ", "phone": "Phone: "},
}


def read_posting(request: RawRequest) -> list[Event]:
    """Return the message that was posted; nothing for a type that we do not know. Raises BadPayload."""
    body = read_object(request.body)
    kind = body.line("type", 100)
    if not kind:
        raise body.refuse("type", "is required")
    if kind != TYPE:
        return []
    data = body.fields("data")
    key = data.identifier("id", LONGEST_KEY) or _hashed(request.headers.get("webhook-id", ""))
    if not key:
        raise data.refuse("id", "is required")
    text = data.text("text", MOST_TEXT)
    if not text:
        raise data.refuse("text", "is required")
    language: Language = "en" if data.line("language", 20).lower().startswith("en") else "zh"
    facts = {
        "topic": data.line("topic", MOST_SUBJECT),
        "company": data.line("company", MOST_COMPANY),
        "phone": data.line("phone", MOST_PHONE),
    }
    return [
        Event(
            kind="message",
            dedup_key=key,
            thread_key=key,
            sender=_sender(data, language),
            subject=data.line("subject", MOST_SUBJECT) or facts["topic"],
            text=text + _below(facts, language),
            attachments=tuple(_file(each) for each in data.each("files", MOST_FILES)),
        )
    ]


def clean_address(written: str) -> str:
    """Return a mail address as letters name it: in lower case, its domain in ASCII. Raises ValidationError."""
    validate_email(written)
    local, _, domain = written.rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode('ascii')}".lower()
    except UnicodeError as error:
        raise ValidationError("No domain") from error
    # Nobody's mailbox has a number for its domain, and nobody shall make us call one.
    if domain.startswith("[") or len(address) > MOST_ADDRESS:
        raise ValidationError("No address that letters reach")
    return address


def _sender(data: Fields, language: Language) -> ContactIdentity:
    written = data.line("email", MOST_ADDRESS)
    try:
        address = clean_address(written)
    except ValidationError as error:
        raise data.refuse("email", "is no mail address") from error
    return ContactIdentity(
        external_id=address,
        display_name=data.line("name", MOST_NAME),
        email=address,
        phone=data.line("phone", MOST_PHONE),
        locale=language,
        needs_proof=True,
    )


def _below(facts: dict[str, str], language: Language) -> str:
    lines = [f"{_WORDS[language][name]}{value}" for name, value in facts.items() if value]
    return "\n\n" + "\n".join(lines) if lines else ""


def _file(file: Fields) -> Attachment:
    try:
        data = base64.b64decode(file.text("data", 4 * 1024 * 1024).encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise file.refuse("data", "must be base64") from error
    if not data:
        raise file.refuse("data", "is required")
    return Attachment(
        kind="file",
        filename=file.line("name", 200),
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        data=data,
    )


def _hashed(identifier: str) -> str:
    if len(identifier) <= LONGEST_KEY:
        return identifier
    return hashlib.sha256(identifier.encode()).hexdigest()

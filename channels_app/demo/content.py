"""Reads the texts of the demo companies, which are data files beside this module."""

import json
from functools import cache
from pathlib import Path
from typing import NotRequired, TypedDict, cast

FOLDER = Path(__file__).parent / "content"

# Customer ("c"), answer ("a"), note ("n"), expert called in ("x"), transfer ("t"), escalation ("e"),
# snooze ("z"); each is followed by its texts, of which one is chosen.
Line = list[str]


class OrganizationText(TypedDict):
    slug: str
    name: str
    name_en: str
    timezone: str
    language: str
    domain: str


class NamedText(TypedDict):
    key: str
    name: str
    name_en: str


class DepartmentText(NamedText):
    color: str


class RoleText(NamedText):
    topics: list[str]
    permissions: list[str]


class StaffText(NamedText):
    login: NotRequired[str]
    department: str
    position: str
    role: str
    also: NotRequired[list[str]]
    capacity: int
    # Percent of the day for conversations; all of it without.
    lends: NotRequired[int]
    # Hours of each day without new work.
    focus: NotRequired[str]
    languages: list[str]
    place: str
    skills: dict[str, int]
    hours: str


class ChannelText(NamedText):
    kind: str
    settings: dict[str, object]
    answers_by: NotRequired[str]


class LevelText(TypedDict):
    name: str
    name_en: str
    department: str
    minutes: int


class PathText(NamedText):
    levels: list[LevelText]


class TopicText(NamedText):
    parent: str | None
    department: str
    skill: str | None
    level: int
    keywords: list[str]
    keywords_en: list[str]
    examples: list[str]
    examples_en: list[str]


class DialogueText(TypedDict):
    topic: str
    subject: str
    urgency: int
    lines: list[Line]


class LiveEscalation(TypedDict):
    path: str
    level: int
    minutes: float
    reason: str


class LiveText(TypedDict):
    customer: str
    place: NotRequired[str]
    language: NotRequired[str]
    topic: str
    subject: str
    urgency: int
    state: str
    owner: NotRequired[str]
    unread: NotRequired[int]
    stars: NotRequired[int]
    snooze_hours: NotRequired[int]
    escalation: NotRequired[LiveEscalation]
    # Minutes ago, who, text.
    lines: list[tuple[float, str, str]]


class PersonText(TypedDict):
    name: str
    company: str
    title: str
    place: str
    language: str
    vip: bool
    tags: list[str]
    phone: str
    email: str


class PeopleText(TypedDict):
    companies: list[PersonText]
    surnames: list[str]
    given: list[str]
    first_names: list[str]
    last_names: list[str]
    places: list[str]
    places_en: list[str]
    couriers: list[str]
    couriers_en: list[str]
    models: list[tuple[str, str]]


class VisitorText(TypedDict):
    language: str
    name: str
    messages: list[str]


class CompanyText(TypedDict):
    organization: OrganizationText
    # The first steps are done.
    is_settled: bool
    departments: list[DepartmentText]
    positions: list[NamedText]
    skills: list[NamedText]
    roles: list[RoleText]
    staff: list[StaffText]
    channels: list[ChannelText]
    escalation_paths: list[PathText]
    accounts: list[str]
    topics: list[TopicText]
    # Shortcut, title, English title, text, English text, topic.
    snippets: list[tuple[str, str, str, str, str, str]]
    dialogues: list[DialogueText]
    dialogues_en: list[DialogueText]
    live: list[LiveText]


def _read(name: str) -> object:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@cache
def heguang() -> CompanyText:
    """Return everything about 禾光电子, the company of the demo."""
    parts = {
        "topics": "topics",
        "snippets": "snippets",
        "dialogues": "dialogues_zh",
        "dialogues_en": "dialogues_en",
        "live": "live",
    }
    company = cast("dict[str, object]", _read("company"))
    return cast("CompanyText", company | {key: _read(name) for key, name in parts.items()})


@cache
def cafe() -> CompanyText:
    """Return everything about 北屿咖啡, the second, small organization."""
    return cast("CompanyText", _read("cafe"))


@cache
def people() -> PeopleText:
    """Return the customers and what further customers are made of."""
    return cast("PeopleText", _read("people"))


@cache
def visitors() -> dict[str, list[VisitorText]]:
    """Return the scripts of visitors by the short name of the organization; `anybody` fits every one."""
    return cast("dict[str, list[VisitorText]]", _read("visitors"))


def companies() -> list[CompanyText]:
    """Return both demo companies, the main one first."""
    return [heguang(), cafe()]


def login_of(staff: StaffText, company: CompanyText) -> str:
    """Return the mail address somebody signs in with: given name, dot, family name."""
    family, _, given = staff["name_en"].lower().partition(" ")
    local = staff.get("login") or f"{given}.{family}"
    return f"{local}@{company['organization']['domain']}"

"""Reads entries of the audit trail out: names in the place of ids, words in the place of codes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from helpdesk.audit_words import action_label, kind_label
from helpdesk.models import (
    Assignment,
    AuditEntry,
    Department,
    Escalation,
    EscalationLevel,
    EscalationPath,
    PlatformAuditEntry,
    PresenceStatus,
    Role,
    Skill,
    Staff,
    Topic,
)
from helpdesk.permissions import DEPARTMENT_PERMISSIONS, PATH_PERMISSIONS, ROLE_PERMISSIONS
from helpdesk.reports.names import labels_of

FACTS: dict[str, str | Promise] = {
    "before": _("Before"),
    "conversation": _("Conversation"),
    "demo": _("Demo data"),
    "department": _("Department"),
    "department_id": _("Department"),
    "ending": _("How it ended"),
    "episode": _("Episode"),
    "fields": _("Fields"),
    "level": _("Level"),
    "mode": _("Given how"),
    "number": _("Message number"),
    "override": _("Reason to go past the limit"),
    "parent_id": _("Belongs to"),
    "path": _("Path"),
    "permissions": _("Permissions"),
    "role": _("Role"),
    "scopes": _("Scopes"),
    "score": _("Score"),
    "skill": _("Skill"),
    "staff": _("Colleague"),
    "state": _("State"),
    "status": _("Presence"),
    "timezone": _("Time zone"),
    "token": _("API token"),
    "topic": _("Topic"),
    "until": _("Until"),
    "version": _("Version"),
    "was": _("Was"),
    "weights": _("Weights"),
}
TABLES: dict[str, Any] = {  # Any: models with a name and an English name
    "department": Department,
    "department_id": Department,
    "level": EscalationLevel,
    "path": EscalationPath,
    "role": Role,
    "skill": Skill,
    "staff": Staff,
    "topic": Topic,
}
CHOICES: dict[str, Mapping[str, Any]] = {  # Any: a lazy translation
    "before": dict(PresenceStatus.choices),
    "ending": dict(Assignment.Ending.choices),
    "mode": dict(Assignment.Mode.choices),
    "permissions": dict([*DEPARTMENT_PERMISSIONS, *ROLE_PERMISSIONS, *PATH_PERMISSIONS]),
    "state": dict(Escalation.State.choices),
    "status": dict(PresenceStatus.choices),
}
LONGEST = 500

Entry = TypeVar("Entry", AuditEntry, PlatformAuditEntry)


class Readable(Protocol):
    """An entry of the organization's trail, or of the platform's."""

    pk: Any
    action: Any
    subject: Any
    subject_id: Any
    data: Any


@dataclass(frozen=True)
class Told:
    """One entry as people read it."""

    action: str
    subject: str
    facts: str


def tell(entries: Iterable[Readable]) -> dict[int, Told]:
    """Return what each entry says, by its id; all names come in one query."""
    rows = list(entries)
    wanted: dict[Any, set[int]] = {}  # Any: a model
    for entry in rows:
        for name, value in entry.data.items():
            table = _table(entry, name)
            if table and isinstance(value, int) and not isinstance(value, bool):
                wanted.setdefault(table, set()).add(value)
    names = labels_of(wanted)
    return {entry.pk: _told(entry, names) for entry in rows}


def with_words(entries: Iterable[Entry]) -> list[tuple[Entry, Told]]:
    """Return the entries, each with what it says."""
    rows = list(entries)
    told = tell(rows)
    return [(entry, told[entry.pk]) for entry in rows]


def _told(entry: Readable, names: Mapping[tuple[Any, int], str]) -> Told:
    what = kind_label(entry.subject)
    number = f"C-{entry.subject_id}" if entry.subject == "conversation" else entry.subject_id
    facts = gettext("; ").join(
        gettext("%(name)s: %(value)s")
        % {"name": _fact_label(entry, name), "value": _value(entry, name, value, names)}
        for name, value in entry.data.items()
        if value not in (None, "", [])
    )
    subject = what if number is None else f"{what} {number}"
    return Told(action_label(entry.action), subject, facts[:LONGEST])


def _table(entry: Readable, name: str) -> Any:
    """Return the model whose id a fact holds, or None."""
    if name == "parent_id":
        return Topic if entry.subject == "topic" else Department
    if name == "before" and entry.action == "conversation.topic_changed":
        return Topic
    return TABLES.get(name)


def _fact_label(entry: Readable, name: str) -> str:
    if name in FACTS:
        return str(FACTS[name])
    field = _field(entry.subject, name)
    return str(capfirst(field.verbose_name)) if field else name


def _value(entry: Readable, name: str, value: object, names: Mapping[tuple[Any, int], str]) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, int):
        if name == "conversation":
            return f"C-{value}"
        return names.get((_table(entry, name), value), str(value))
    if isinstance(value, list):
        return gettext(", ").join(_word(entry, name, each) for each in value)
    if isinstance(value, dict):
        return gettext(", ").join(f"{key} {each}" for key, each in value.items())
    return _word(entry, name, value)


def _word(entry: Readable, name: str, value: object) -> str:
    """Return the word for a code: a choice, a field's name, a moment."""
    code = str(value)
    if name == "fields":
        field = _field(entry.subject, code)
        return str(field.verbose_name) if field else code
    if name == "until" and (moment := parse_datetime(code)):
        return str(formats.date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT"))
    field = _field(entry.subject, name)
    choices: Mapping[str, Any] = CHOICES.get(name) or dict(getattr(field, "flatchoices", ()))
    return str(choices.get(code, code))


def _field(model_name: str, name: str) -> Any:  # Any: a field of some model, or None
    models: Sequence[Any] = [m for m in apps.get_models() if m._meta.model_name == model_name]
    try:
        field = models[0]._meta.get_field(name) if models else None
    except FieldDoesNotExist:
        return None
    return field if hasattr(field, "verbose_name") else None

"""The forms of the dialogs; each knows the conversation it is about and what may be chosen."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.forms.models import fields_for_model, model_to_dict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from helpdesk import permissions
from helpdesk.access import Access, colleagues
from helpdesk.errors import Refused
from helpdesk.models import (
    Conversation,
    Customer,
    Department,
    PresenceStatus,
    Skill,
    Staff,
    StaffSkill,
    Topic,
)
from helpdesk.services.assignment import Target
from helpdesk.services.escalation import paths_for
from helpdesk.services.presence import shown_status
from helpdesk.templatetags.portal import full_moment

PEOPLE_LIMIT = 200
NOTE_LENGTH = 2000


class DialogForm(forms.Form):
    """A form about one conversation."""

    def __init__(
        self, access: Access, conversation: Conversation, data: Any = None
    ) -> None:  # Any: a QueryDict
        super().__init__(data)
        self.access = access
        self.conversation = conversation


def people(access: Access, *, without: int | None) -> list[Staff]:
    """Return the colleagues who can be chosen, those who are there first."""
    now = timezone.now()
    rows = colleagues(access).select_related("department", "presence").exclude(pk=without or 0)
    rows = rows.prefetch_related("focus_times")
    return sorted(
        rows.order_by("name")[:PEOPLE_LIMIT],
        key=lambda one: (
            shown_status(one, now) != PresenceStatus.ONLINE,
            one.load >= one.capacity,
        ),
    )


class TransferForm(DialogForm):
    """To whom: "staff-5", "department-2" or "skill-7", and a note for the receiver."""

    to = forms.CharField(
        max_length=40, error_messages={"required": gettext_lazy("Please choose who receives it.")}
    )
    note = forms.CharField(required=False, max_length=NOTE_LENGTH)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.people = people(self.access, without=self.conversation.owner_id)
        self.departments = list(Department.objects.exclude(pk=self.conversation.department_id))
        held = StaffSkill.objects.filter(staff__is_active=True).values("skill_id")
        self.skills = list(Skill.objects.filter(pk__in=held))

    def clean_to(self) -> str:
        value: str = self.cleaned_data["to"]
        if value not in self._labels():
            raise forms.ValidationError(_("Please choose who receives it."))
        return value

    def target(self) -> Target:
        kind, _dash, pk = self.cleaned_data["to"].partition("-")
        chosen = {f"{kind}_id": int(pk)}
        return Target(**chosen)

    def receiver(self) -> str:
        return self._labels()[self.cleaned_data["to"]]

    def _labels(self) -> dict[str, str]:
        kinds: Sequence[tuple[str, Sequence[Any]]] = (
            ("staff", self.people),
            ("department", self.departments),
            ("skill", self.skills),
        )
        return {f"{kind}-{row.pk}": row.label for kind, rows in kinds for row in rows}


class AssignForm(DialogForm):
    """To which colleague, and why above their capacity if so."""

    staff = forms.IntegerField(
        error_messages={"required": gettext_lazy("Please choose a colleague.")}
    )
    reason = forms.CharField(required=False, max_length=200)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.people = people(self.access, without=self.conversation.owner_id)

    def clean_staff(self) -> int:
        value: int = self.cleaned_data["staff"]
        if value not in {one.pk for one in self.people}:
            raise forms.ValidationError(_("Please choose a colleague."))
        return value

    def receiver(self) -> str:
        return next(one.label for one in self.people if one.pk == self.cleaned_data["staff"])


class SnoozeForm(DialogForm):
    """Until when: one of the usual times, or one's own."""

    choice = forms.CharField(required=False, max_length=10)
    own = forms.DateTimeField(
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        error_messages={"invalid": gettext_lazy("Please give a date and a time.")},
    )

    @property
    def options(self) -> list[tuple[str, str, str]]:
        return [(key, label, full_moment(at)) for key, (label, at) in self._times().items()]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        until = data.get("own") or self._times().get(data.get("choice", ""), ("", None))[1]
        if until is None and not self.errors:
            self.add_error("choice", _("Please choose a time."))
        data["until"] = until
        return data

    def _times(self) -> dict[str, tuple[str, datetime]]:
        now = timezone.localtime()
        tomorrow = _at(now + timedelta(days=1), 9)
        monday = _at(now + timedelta(days=7 - now.weekday()), 9)
        return {
            "hour": (_("In an hour"), now + timedelta(hours=1)),
            "later": (_("In three hours"), now + timedelta(hours=3)),
            "tomorrow": (_("Tomorrow morning"), tomorrow),
            "monday": (_("Next Monday"), monday),
        }


def _at(day: datetime, hour: int) -> datetime:
    return timezone.make_aware(
        datetime.combine(day.date(), time(hour)), timezone.get_current_timezone()
    )


class EscalateForm(DialogForm):
    """Along which path, and why."""

    path = forms.IntegerField(required=False)
    reason = forms.CharField(
        max_length=300, error_messages={"required": gettext_lazy("Please say what is needed.")}
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.paths = paths_for(self.conversation)
        running = self.conversation.escalations.filter(ended_at__isnull=True)
        self.running = running.select_related("path", "level").first()


class CustomerForm(DialogForm):
    """What colleagues know of the customer; raises Refused for who may not change it."""

    shown = ("name", "company", "email", "phone", "place", "language", "tier", "tags", "remark")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        if not self.access.allowed(permissions.CUSTOMER_CHANGE):
            raise Refused
        customer = Customer.objects.get(pk=self.conversation.customer_id)
        self.fields = fields_for_model(Customer, self.shown)
        self.initial = model_to_dict(customer, self.shown)

    @property
    def languages(self) -> list[tuple[str, str]]:
        """Return the languages to choose from, among them the one that is set."""
        usual = {"": _("not known"), "zh": _("Chinese"), "en": _("English")}
        chosen = str(self["language"].value() or "")
        return list(({chosen: chosen} | usual).items())


class TopicForm(DialogForm):
    """Which topic; none means that nobody knows."""

    topic = forms.IntegerField(required=False)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.topics = list(Topic.objects.filter(is_active=True).select_related("parent")[:500])

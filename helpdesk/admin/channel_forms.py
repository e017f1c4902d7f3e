"""The form of one kind of channel, made from its setting fields; secrets are written, never shown."""

import json
from typing import Any

from django import forms
from django.core.validators import ProhibitNullCharactersValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from helpdesk.crypto import same
from helpdesk.models import Channel
from helpdesk.registries import SIGNING_SECRET, ChannelKind, SettingField, secrets_by_name

PREFIX = "setting_"
LONGEST_HOLD_SECONDS = 600
# Some are whole files with a key in them.
LONGEST_SECRET = 4000


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """What every channel has; the kind's own fields are added by `channel_form`."""

    kind_name = ""
    kind: ChannelKind | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_new = not self.instance.pk
        if is_new and self.kind and "hold_seconds" in self.fields:
            self.fields["hold_seconds"].initial = self.kind.hold_seconds
        for field in self.kind.settings if self.kind else ():
            form_field = self.fields[PREFIX + field.name]
            if field.kind == "secret":
                is_stored = self._is_stored(field)
                form_field.required = _is_always_required(field) and not is_stored
                if is_stored:
                    form_field.help_text = _("Stored. Leave empty to keep it.")
            elif not is_new:
                form_field.initial = _shown(self.instance.settings.get(field.name, field.default))

    def _is_stored(self, field: SettingField) -> bool:
        if self.kind and len(self.kind.secret_names) > 1:
            return field.name in secrets_by_name(self.instance.secret)
        return bool(self.instance.secret)

    def clean(self) -> dict[str, Any]:
        """Miss what the chosen way needs, and nothing that only another one needs."""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        for field in self.kind.settings if self.kind else ():
            if not self._is_needed(field, found) or found.get(PREFIX + field.name):
                continue
            if field.kind != "secret" or not self._is_stored(field):
                form_field = self.fields[PREFIX + field.name]
                self.add_error(PREFIX + field.name, form_field.error_messages["required"])
        return found

    def _is_needed(self, field: SettingField, found: dict[str, Any]) -> bool:
        if field.needed_by is None or not field.required:
            return False
        choice, value = field.needed_by
        return bool(found.get(PREFIX + choice) == value)

    def clean_hold_seconds(self) -> int:
        seconds = int(self.cleaned_data["hold_seconds"])
        if seconds > LONGEST_HOLD_SECONDS:
            raise forms.ValidationError(_("At most 10 minutes."))
        return seconds

    def fill(self, channel: Channel) -> None:
        """Write the kind's settings and secret into the channel; an empty secret keeps the old one."""
        channel.kind = channel.kind or self.kind_name
        for field in self.kind.settings if self.kind else ():
            value = self.cleaned_data.get(PREFIX + field.name)
            if field.kind != "secret":
                channel.settings[field.name] = value
            elif value:
                self._replace_secret(channel, field, str(value))

    def _replace_secret(self, channel: Channel, field: SettingField, value: str) -> None:
        """Store a new secret; what proved calls so far goes on doing so until somebody ends it."""
        has_several = bool(self.kind and len(self.kind.secret_names) > 1)
        stored = (
            secrets_by_name(channel.secret) if has_several else {SIGNING_SECRET: channel.secret}
        )
        name = field.name if has_several else SIGNING_SECRET
        old = stored.get(name, "")
        if old and same(old, value):
            return
        # An old password is of no use to anybody.
        proves = name == SIGNING_SECRET or field.overlaps
        if proves:
            channel.secret_changed_at = timezone.now()
        if old and proves:
            before = secrets_by_name(channel.previous_secret) if has_several else {}
            kept = {key: each for key, each in before.items() if each}
            channel.previous_secret = _stored({**kept, name: old}) if has_several else old
        channel.secret = _stored({**stored, name: value}) if has_several else value


def channel_form(name: str, kind: ChannelKind | None) -> type[ChannelForm]:
    """Return the form class for a kind of channel."""
    fields = {PREFIX + field.name: _form_field(field) for field in (kind.settings if kind else ())}
    return type("KindForm", (ChannelForm,), {**fields, "kind_name": name, "kind": kind})


def _is_always_required(field: SettingField) -> bool:
    return field.required and field.needed_by is None


def _form_field(field: SettingField) -> forms.Field:
    common: dict[str, Any] = {
        "label": field.label,
        "help_text": field.help_text,
        "required": _is_always_required(field),
        "initial": _shown(field.default),
    }
    if field.kind == "boolean":
        return forms.BooleanField(**{**common, "required": False}, widget=UnfoldBooleanSwitchWidget)
    if field.kind == "number":
        return forms.IntegerField(**common, min_value=0, widget=UnfoldAdminIntegerFieldWidget)
    if field.kind == "choice":
        return forms.ChoiceField(**common, choices=field.choices, widget=UnfoldAdminSelectWidget)
    if field.kind == "lines":
        return LinesField(**common)
    if field.kind == "secret":
        # Rendered without its value, whatever it is.
        widget = UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "new-password"}, render_value=False
        )
        return forms.CharField(
            **{**common, "initial": ""}, max_length=LONGEST_SECRET, widget=widget
        )
    return forms.CharField(**common, max_length=500, widget=UnfoldAdminTextInputWidget)


class LinesField(forms.CharField):
    """A list of lines."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})

    def to_python(self, value: Any) -> Any:
        lines = (line.strip() for line in (value or "").splitlines())
        return [line[:200] for line in lines if line][:50]

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"])

    def run_validators(self, value: Any) -> None:
        """Refuse what the database keeps of no text; there are no other validators for a list."""
        for line in value:
            ProhibitNullCharactersValidator()(line)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(str(initial or "").splitlines() != self.to_python(data))


def _shown(value: Any) -> Any:
    return "\n".join(map(str, value)) if isinstance(value, list | tuple) else value


def _stored(secrets: dict[str, str]) -> str:
    return json.dumps(secrets, sort_keys=True)

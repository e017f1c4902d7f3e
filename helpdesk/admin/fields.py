"""Form fields that several pages share."""

import re
from collections.abc import Sequence
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelect2Widget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from helpdesk.registries import channel_kinds

SEPARATORS = re.compile(r"[,，、;；\n]+")
SPOKEN = [("zh", _("Chinese")), ("en", _("English"))]


class WordsField(forms.CharField):
    """A list of words, separated by Chinese or Western commas or by lines."""

    def __init__(self, *, max_words: int = 60, max_word_length: int = 40, **kwargs: Any) -> None:
        self.max_words, self.max_word_length = max_words, max_word_length
        kwargs.setdefault("required", False)
        kwargs.setdefault("widget", UnfoldAdminTextareaWidget(attrs={"rows": 3}))
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        parts = SEPARATORS.split(value or "")
        return list(dict.fromkeys(word for part in parts if (word := part.strip())))

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"])
        if len(value) > self.max_words:
            raise forms.ValidationError(_("At most %(number)s.") % {"number": self.max_words})
        if any(len(word) > self.max_word_length for word in value):
            raise forms.ValidationError(
                _("Each may have at most %(number)s characters.") % {"number": self.max_word_length}
            )

    def run_validators(self, value: Any) -> None:
        """Refuse what the database keeps of no text; there are no other validators for a list."""
        for word in value:
            ProhibitNullCharactersValidator()(word)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(list(initial or []) != self.to_python(data))


class ChoicesField(forms.MultipleChoiceField):
    """A set of names, chosen by check boxes."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def prepare_value(self, value: Any) -> Any:
        return list(value or [])


class NumberedAutocomplete(AutocompleteSelect):
    """A choice found by typing, which shows what was sent again only if that may be a row's number."""

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> Any:
        """Return the chosen row; Django would look for any text among the numbers, and fail."""
        numbers = [each for each in value if each.isascii() and each.isdecimal()]
        return super().optgroups(name, numbers, attr)


def languages_field() -> ChoicesField:
    """Return a field for the languages somebody speaks."""
    return ChoicesField(label=_("Languages"), choices=SPOKEN, initial=["zh"])


def kind_field() -> forms.ChoiceField:
    """Return a field for one of the kinds of channels there are."""
    choices = [(name, kind.label) for name, kind in channel_kinds.items()]
    return forms.ChoiceField(
        label=_("Kind of channel"),
        choices=choices,
        widget=UnfoldAdminSelectWidget(choices=choices),
    )


def timezone_choices() -> list[tuple[str, str]]:
    """Return the names of time zones by region."""
    names = sorted(name for name in available_timezones() if "/" in name and "Etc" not in name)
    return [(name, name.replace("_", " ")) for name in ["UTC", *names]]


class TimezoneForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Offers the time zones there are."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "timezone" in self.fields:
            self.fields["timezone"] = forms.ChoiceField(
                label=self.fields["timezone"].label,
                initial=self.fields["timezone"].initial,
                choices=timezone_choices(),
                widget=UnfoldAdminSelect2Widget(choices=timezone_choices()),
            )

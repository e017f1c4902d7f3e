"""What a form asks for, as its channel is set up, and what is said beside a field that is wrong."""

import unicodedata
from typing import Any, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from channels_app.adapters.form.posting import (
    MOST_ADDRESS,
    MOST_COMPANY,
    MOST_FILES,
    MOST_NAME,
    MOST_PHONE,
    MOST_SUBJECT,
    MOST_TEXT,
    clean_address,
)
from channels_app.json_fields import without_controls
from channels_app.services.doors import Door, lines
from helpdesk.errors import UnsupportedFile
from helpdesk.services.files import check

MOST_TOPICS = 20
# No one fills it in who sees the page.
TRAP = "website"


class Line(forms.CharField):
    """One line; what would end it somewhere else, such as in the head of a mail, is refused."""

    def validate(self, value: Any) -> None:
        """Refuse line ends and other characters that nobody sees."""
        super().validate(value)
        if any(unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} for each in value):
            raise ValidationError(_("Please write this in one line."))


class Paragraphs(forms.CharField):
    """Text of several lines; what nobody sees in it is left out, before it counts as filled in."""

    def to_python(self, value: Any) -> str:
        """Return the text as it is kept."""
        return without_controls(super().to_python(value) or "").strip()


class Address(Line):
    """A mail address that letters reach, as letters name it."""

    def clean(self, value: Any) -> str:
        """Return the address. Raises ValidationError."""
        written = super().clean(value)
        try:
            return clean_address(written)
        except ValidationError as error:
            raise ValidationError(
                _("Please check the address: it looks like name@example.com.")
            ) from error


class _Files(forms.ClearableFileInput):
    allow_multiple_selected = True


class Files(forms.FileField):
    """A few files of known kinds."""

    widget = _Files

    def clean(self, data: Any, initial: Any = None) -> list[tuple[str, bytes]]:
        """Return names and bytes. Raises ValidationError."""
        given: list[UploadedFile[Any]] = [each for each in data or [] if each]
        if len(given) > MOST_FILES:
            raise ValidationError(_("Please choose 5 files at most."))
        if sum(each.size or 0 for each in given) > settings.ATTACHMENT_MAX_BYTES:
            raise ValidationError(_("The files are too large together. Please choose fewer."))
        return [self._checked(each) for each in given]

    def _checked(self, file: "UploadedFile[Any]") -> tuple[str, bytes]:
        data = file.read()
        name = str(super().clean(file).name)
        try:
            check(data)
        except UnsupportedFile as error:
            raise ValidationError(
                _("%(name)s cannot be taken: please send pictures, PDF, Office or text files."),
                params={"name": name[:60]},
            ) from error
        return name, data


class PostingForm(forms.Form):
    """The fields of one channel's form; the files that were posted come as a list."""

    name = Line(
        label=_("Your name"),
        max_length=MOST_NAME,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Please write your name.")},
    )
    email = Address(
        label=_("Mail address"),
        max_length=MOST_ADDRESS,
        help_text=_("Our answer comes here."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": _("Please write where we can answer.")},
    )
    company = Line(
        label=_("Company"),
        max_length=MOST_COMPANY,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    phone = Line(
        label=_("Phone number"),
        max_length=MOST_PHONE,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel"}),
    )
    topic = forms.ChoiceField(
        label=pgettext_lazy("of a contact form", "What is it about?"),
        error_messages={
            "required": _("Please choose one."),
            "invalid_choice": _("Please choose one."),
        },
    )
    subject = Line(label=_("Subject"), max_length=MOST_SUBJECT, required=False)
    text = Paragraphs(
        label=_("Your message"),
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": _("Please write what we can do for you.")},
    )
    attachments = Files(
        label=_("Files"),
        required=False,
        help_text=_("Pictures, PDF, Office or text files; 5 at most, 20 MB together."),
    )

    def __init__(
        self, door: Door, posted: Any = None, files: Any = None, *, is_english: bool
    ) -> None:
        super().__init__(posted, files, auto_id="form-%s", label_suffix="")
        topics = [_topic(line, is_english) for line in lines(door.settings.get("topics"))]
        asked = {
            "topic": bool(topics),
            "subject": door.settings.get("asks_subject", True),
            "company": door.settings.get("asks_company", False),
            "phone": door.settings.get("asks_phone", False),
            "attachments": door.settings.get("takes_files", True),
        }
        for name, is_asked in asked.items():
            if not is_asked:
                del self.fields[name]
        if topics:
            choices = [(each, each) for each in topics[:MOST_TOPICS]]
            cast(forms.ChoiceField, self.fields["topic"]).choices = [
                ("", str(_("Please choose"))),
                *choices,
            ]
        for field in self:
            self._describe(field)

    def _describe(self, field: forms.BoundField) -> None:
        """Tie a field to what is said about it, for those who hear the page."""
        attributes = field.field.widget.attrs
        said = [f"{field.auto_id}-help"] if field.help_text else []
        if self.is_bound and field.errors:
            attributes["aria-invalid"] = "true"
            said.append(f"{field.auto_id}-error")
        if said:
            attributes["aria-describedby"] = " ".join(said)


def _topic(line: str, is_english: bool) -> str:
    chinese, _bar, english = (part.strip() for part in line.partition("|"))
    return ((english or chinese) if is_english else (chinese or english))[:60]

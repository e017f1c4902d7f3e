"""Texts that a platform approved before: the only ones it takes once the time for answers is over."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import OrganizationForeignKey, OrganizationModel
from helpdesk.places import places_in


class MessageTemplate(OrganizationModel):
    """A text as the platform of a channel approved it, with places such as {{1}} for what differs."""

    channel = OrganizationForeignKey(
        "helpdesk.Channel", models.CASCADE, related_name="templates", verbose_name=_("channel")
    )
    name = models.CharField(
        _("name at the platform"), max_length=512, help_text=_("Exactly as it is called there.")
    )
    language_code = models.CharField(
        _("language at the platform"),
        max_length=20,
        blank=True,
        help_text=_("Exactly as it is written there, such as zh_CN or en_US."),
    )
    text = models.TextField(
        _("approved text"),
        max_length=2048,
        help_text=_("Exactly as it was approved, with its places such as {{1}} and {{2}}."),
    )
    place_labels = models.TextField(
        _("what stands in the places"),
        max_length=1000,
        blank=True,
        help_text=_("One line for each place, in their order, such as “order number”."),
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("message template")
        verbose_name_plural = _("message templates")
        ordering: ClassVar = ["name", "language_code"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "channel", "name", "language_code"],
                name="message_template_name",
            ),
            models.CheckConstraint(condition=~models.Q(text=""), name="message_template_text"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.language_code})" if self.language_code else self.name

    @property
    def places(self) -> list[str]:
        """Return the names of its places, each once, in the order in which they are filled."""
        return places_in(self.text)

    @property
    def labels(self) -> list[str]:
        """Return what stands in each place, as people know it."""
        told = [line.strip() for line in self.place_labels.splitlines()]
        names = self.places
        told += [""] * (len(names) - len(told))
        return [label or f"{{{{{name}}}}}" for label, name in zip(told, names, strict=False)]

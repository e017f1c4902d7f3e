"""What messages are found by."""

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import OrganizationModel, OrganizationOneToOneField


class MessageWords(OrganizationModel):
    """The words of a message, its subject and the names of its files; read by `everydesk_messages_found`."""

    message = OrganizationOneToOneField(
        "helpdesk.Message", models.CASCADE, related_name="words", primary_key=True
    )
    # When its entry happened.
    at = models.DateTimeField()
    # Made by `helpdesk.search.words`; each word begins with the organization's id.
    words = SearchVectorField()

    class Meta:
        verbose_name = _("words of a message")
        verbose_name_plural = _("words of messages")
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(fields=["organization", "-at", "-message"], name="words_newest"),
            # What waits to be sorted in is read by every search: little of it.
            GinIndex(fields=["words"], name="words_found", gin_pending_list_limit=512),
        ]

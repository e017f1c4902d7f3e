"""Channels, the table that routes outside addresses to them, queues and snippets."""

import secrets
from functools import partial
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import (
    LANGUAGES,
    EncryptedField,
    Named,
    OrganizationForeignKey,
    OrganizationModel,
)

# Unguessable: 128 random bits.
new_public_id = partial(secrets.token_hex, 16)


class Queue(OrganizationModel, Named):
    """Where conversations without an owner wait; belongs to a department."""

    department = OrganizationForeignKey(
        "helpdesk.Department", models.PROTECT, related_name="queues", verbose_name=_("department")
    )
    is_default = models.BooleanField(
        _("default of the organization"),
        default=False,
        help_text=_("Receives what has no topic yet. There is exactly one."),
    )

    class Meta:
        verbose_name = _("queue")
        verbose_name_plural = _("queues")
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="queue_name"),
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(is_default=True),
                name="queue_one_default",
            ),
        ]


class Channel(OrganizationModel, Named):
    """One connected account of one kind: this web page, that mailbox."""

    kind = models.CharField(_("kind"), max_length=30)
    public_id = models.CharField(
        _("public id"), max_length=32, default=new_public_id, editable=False
    )
    queue = OrganizationForeignKey(
        "helpdesk.Queue",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="channels",
        verbose_name=_("queue"),
        help_text=_("Empty: the organization's default queue."),
    )
    language = models.CharField(_("language"), max_length=8, choices=LANGUAGES, default="zh-hans")
    answers_by = OrganizationForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("answers leave through"),
        help_text=_("Another channel, for those that cannot answer themselves, such as a form."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    hold_seconds = models.PositiveSmallIntegerField(
        _("hold before sending, in seconds"),
        default=0,
        help_text=_("While a reply is held it can be taken back."),
    )
    # Values of the kind's own setting fields, without its secrets.
    settings = models.JSONField(_("settings"), default=dict, blank=True)
    secret = EncryptedField(_("secret"), blank=True, default="")
    previous_secret = EncryptedField(_("previous secret"), blank=True, default="")
    # When the secret in use took the place of the previous one, or came.
    secret_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    disabled_reason = models.CharField(
        _("disabled because"), max_length=300, blank=True, editable=False
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="channel_name"),
            models.UniqueConstraint(fields=["organization", "public_id"], name="channel_public_id"),
        ]


class Route(models.Model):
    """Global: which organization an outside address belongs to, asked before any scope exists.

    `key` is a channel's public id, or the hash of an API token. It holds nothing else of the organization.
    """

    class Kind(models.TextChoices):
        CHANNEL = "channel"
        TOKEN = "token"  # noqa: S105  (the name of a kind)

    kind = models.CharField(max_length=10, choices=Kind)
    key = models.CharField(max_length=64)
    organization = models.ForeignKey("helpdesk.Organization", models.CASCADE, related_name="+")
    target_id = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "key"], name="route_key"),
            models.UniqueConstraint(
                fields=["organization", "kind", "target_id"], name="route_target"
            ),
        ]


class Snippet(OrganizationModel):
    """A prepared text in both languages, with variables such as {customer} and {staff}."""

    shortcut = models.CharField(_("shortcut"), max_length=40)
    title = models.CharField(_("title"), max_length=80)
    title_en = models.CharField(_("English title"), max_length=80, blank=True)
    text_zh = models.TextField(_("Chinese text"), blank=True, max_length=4000)
    text_en = models.TextField(_("English text"), blank=True, max_length=4000)
    topic = OrganizationForeignKey(
        "helpdesk.Topic",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="snippets",
        verbose_name=_("topic"),
    )
    department = OrganizationForeignKey(
        "helpdesk.Department",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="snippets",
        verbose_name=_("department"),
        help_text=_("Empty: for everybody."),
    )
    tags = ArrayField(
        models.CharField(max_length=30), default=list, blank=True, verbose_name=_("tags")
    )
    use_count = models.PositiveIntegerField(_("used"), default=0, editable=False)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("snippet")
        verbose_name_plural = _("snippets")
        ordering: ClassVar = ["shortcut"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "shortcut"], name="snippet_shortcut"),
            models.CheckConstraint(
                condition=~models.Q(text_zh="", text_en=""), name="snippet_has_text"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ApiToken(OrganizationModel):
    """A credential of a REST client: hashed, scoped, and acting for one member of staff."""

    staff = OrganizationForeignKey(
        "helpdesk.Staff",
        models.CASCADE,
        related_name="api_tokens",
        verbose_name=_("acts for"),
        help_text=_("The token may never do more than this person."),
    )
    name = models.CharField(_("name"), max_length=80)
    token_hash = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=40), default=list, verbose_name=_("scopes"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "token_hash"], name="api_token_hash"),
        ]

    def __str__(self) -> str:
        return self.name


class IdempotencyKey(OrganizationModel):
    """What a REST call answered, so that the same call made again gets the same answer."""

    token = OrganizationForeignKey("helpdesk.ApiToken", models.CASCADE, related_name="+")
    key = models.CharField(max_length=80)
    request_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    response = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "token", "key"], name="idempotency_key"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "created_at"], name="idempotency_key_age")
        ]

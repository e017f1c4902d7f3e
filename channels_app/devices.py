"""Devices of the customers of an app, and the push services that reach them."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from channels_app.breakers import Breaker
from helpdesk.models import OrganizationForeignKey, OrganizationModel


class PushService(models.TextChoices):
    FCM = "fcm", "Firebase Cloud Messaging"
    WEBHOOK = "webhook", "Webhook"


class Device(OrganizationModel):
    """One device that a customer uses the app on, as its push service names it; who uses it last has it."""

    channel = OrganizationForeignKey("helpdesk.Channel", models.CASCADE, related_name="+")
    identity = OrganizationForeignKey("helpdesk.Identity", models.CASCADE, related_name="devices")
    service = models.CharField(max_length=8, choices=PushService)
    token = models.TextField()
    token_hash = models.CharField(max_length=64)
    app_version = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=2, default="zh")
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "channel", "service", "token_hash"], name="device_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "identity", "-seen_at"], name="device_identity"),
            models.Index(fields=["organization", "seen_at"], name="device_seen"),
        ]


class PushHealth(Breaker):
    """How pushing through one service of an app goes: one that fails keeps neither replies nor others back."""

    channel = OrganizationForeignKey("helpdesk.Channel", models.CASCADE, related_name="+")
    service = models.CharField(max_length=8, choices=PushService)

    class Meta:
        default_permissions = ()
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "channel", "service"], name="push_health_once"
            )
        ]

"""Customers and their addresses."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from helpdesk.models.base import LanguageField, OrganizationForeignKey, OrganizationModel


class Customer(OrganizationModel):
    """A person or company that asks."""

    class Tier(models.TextChoices):
        STANDARD = "standard", _("Standard")
        IMPORTANT = "important", _("Important")
        VIP = "vip", _("VIP")

    name = models.CharField(pgettext_lazy("of a person", "name"), max_length=120, blank=True)
    company = models.CharField(_("company"), max_length=120, blank=True)
    email = models.EmailField(_("mail address"), blank=True)
    phone = models.CharField(_("phone"), max_length=30, blank=True)
    place = models.CharField(_("place"), max_length=60, blank=True)
    language = LanguageField(_("language"))
    tier = models.CharField(_("tier"), max_length=10, choices=Tier, default=Tier.STANDARD)
    tags = ArrayField(
        models.CharField(max_length=30), default=list, blank=True, verbose_name=_("tags")
    )
    remark = models.TextField(_("remark"), blank=True, max_length=2000)
    # The customer's id in the organization's own CRM.
    external_id = models.CharField(_("CRM id"), max_length=80, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=~models.Q(external_id=""),
                name="customer_external_id",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-id"], name="customer_newest"),
            models.Index(
                fields=["organization", "email"],
                condition=~models.Q(email=""),
                name="customer_email",
            ),
            # The characters and pairs of them in the names; read by `everydesk_customers_named`.
            GinIndex(
                models.Func("organization", "name", "company", function="everydesk_name_grams"),
                name="customer_names",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """Return the name, or "Visitor 4821" for someone who has not told it."""
        return self.name or str(_("Visitor %(number)s") % {"number": self.pk})


class Identity(OrganizationModel):
    """One address of a customer on one channel: visitor token, mail address, openid."""

    customer = OrganizationForeignKey(
        "helpdesk.Customer", models.CASCADE, related_name="identities", verbose_name=_("customer")
    )
    channel = OrganizationForeignKey(
        "helpdesk.Channel", models.CASCADE, related_name="identities", verbose_name=_("channel")
    )
    external_id = models.CharField(_("address"), max_length=200)
    display_name = models.CharField(_("shown name"), max_length=120, blank=True)
    is_verified = models.BooleanField(_("verified"), default=False)
    # Replies wait until whoever is behind the address has confirmed it.
    awaits_proof = models.BooleanField(_("waits for proof"), default=False)
    data = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    seen_at = models.DateTimeField(_("last seen"), null=True, blank=True)

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "channel", "external_id"], name="identity_address"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "customer"], name="identity_customer")
        ]

    def __str__(self) -> str:
        return self.display_name or self.external_id

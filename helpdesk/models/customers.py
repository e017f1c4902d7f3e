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
    # The phone as E.164; empty where it cannot be read as one.
    number = models.CharField(max_length=20, blank=True, default="", editable=False)
    # The one who has everything of this one by now.
    merged_into = OrganizationForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="+", editable=False
    )
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
            models.Index(
                fields=["organization", "number"],
                condition=~models.Q(number=""),
                name="customer_number",
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
    # A digest of what the channel last told of who it is, so that the same again costs nothing.
    told = models.CharField(max_length=32, blank=True, default="", editable=False)
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


class IdentityAlias(OrganizationModel):
    """What an identity is also known by: other names of the same account, and of whoever is behind it."""

    class Kind(models.TextChoices):
        # Names of the account, which only its own channel knows.
        USER_ID = "user_id", _("id of the vendor")
        NUMBER = "number", _("number of the account")
        # Names of the person, the same wherever they write.
        UNION_ID = "union_id", _("id over several accounts")
        PHONE = "phone", _("phone")
        MAIL = "mail", _("mail address")

    identity = OrganizationForeignKey(
        "helpdesk.Identity", models.CASCADE, related_name="aliases", verbose_name=_("identity")
    )
    channel = OrganizationForeignKey("helpdesk.Channel", models.CASCADE, related_name="+")
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    # The page, app or number that a name of an account belongs to.
    scope = models.CharField(max_length=100, blank=True, default="")
    # Normalised: phones as E.164, mail addresses in lower case.
    value = models.CharField(_("address"), max_length=254)
    is_verified = models.BooleanField(_("verified"), default=False)
    since = models.DateTimeField(_("from"), auto_now_add=True)
    # It is another's by now, or nobody's.
    ended_at = models.DateTimeField(_("to"), null=True, blank=True)

    class Meta:
        verbose_name = _("alias of an identity")
        verbose_name_plural = _("aliases of identities")
        default_permissions = ()
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "identity", "kind", "scope", "value"],
                name="identity_alias_once",
            ),
            # A name of an account means one account.
            models.UniqueConstraint(
                fields=["organization", "channel", "kind", "scope", "value"],
                condition=models.Q(
                    kind__in=["user_id", "number"], is_verified=True, ended_at__isnull=True
                ),
                name="identity_alias_of_one",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["user_id", "number", "union_id", "phone", "mail"]),
                name="identity_alias_kind",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["organization", "kind", "value"],
                condition=models.Q(ended_at__isnull=True),
                name="identity_alias_value",
            ),
        ]

    def __str__(self) -> str:
        return self.value

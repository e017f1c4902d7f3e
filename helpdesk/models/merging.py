"""Customers who are one: what was brought together, by whom and why, and what only may be one."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import OrganizationForeignKey, OrganizationModel


class CustomerMerge(OrganizationModel):
    """One customer whose everything went to another, with what it takes to undo that."""

    kept = OrganizationForeignKey(
        "helpdesk.Customer", models.CASCADE, related_name="merges", verbose_name=_("customer")
    )
    gone = OrganizationForeignKey("helpdesk.Customer", models.CASCADE, related_name="+")
    at = models.DateTimeField(_("at"))
    # Empty where it was proved, and nobody had to decide.
    by = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )
    # What spoke for it: a list of {"kind", "value", ...}.
    evidence = models.JSONField(default=list)
    # What moved, by table, and the facts of both before and after.
    moved = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("merge of customers")
        verbose_name_plural = _("merges of customers")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "gone"],
                condition=models.Q(undone_at__isnull=True),
                name="customer_merge_standing",
            ),
            models.CheckConstraint(
                condition=~models.Q(kept=models.F("gone")), name="customer_merge_of_two"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "kept", "-id"], name="customer_merge_kept")
        ]


class MergeSuggestion(OrganizationModel):
    """Two customers who may be one, for a person to decide; what was dismissed is never suggested again."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        ACCEPTED = "accepted", _("accepted")
        DISMISSED = "dismissed", _("dismissed")

    # The older one first, so that two are one pair.
    first = OrganizationForeignKey("helpdesk.Customer", models.CASCADE, related_name="+")
    second = OrganizationForeignKey("helpdesk.Customer", models.CASCADE, related_name="+")
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.OPEN)
    evidence = models.JSONField(default=list)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("suggested merge")
        verbose_name_plural = _("suggested merges")
        default_permissions = ()
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "first", "second"], name="merge_suggestion_once"
            ),
            models.CheckConstraint(
                condition=models.Q(first__lt=models.F("second")), name="merge_suggestion_order"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["open", "accepted", "dismissed"]),
                name="merge_suggestion_state",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "second"], name="merge_suggestion_second")
        ]


class Consent(OrganizationModel):
    """What a customer last said about one use of their data."""

    customer = OrganizationForeignKey(
        "helpdesk.Customer", models.CASCADE, related_name="consents", verbose_name=_("customer")
    )
    # The organization's own word for it, such as "marketing".
    purpose = models.CharField(_("purpose"), max_length=40)
    is_granted = models.BooleanField(_("granted"))
    at = models.DateTimeField(_("at"))
    # Who wrote it down; empty where the customer's own system told it.
    by = OrganizationForeignKey(
        "helpdesk.Staff", models.PROTECT, null=True, blank=True, related_name="+"
    )
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        default_permissions = ()
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["organization", "customer", "-at"], name="consent_newest")
        ]

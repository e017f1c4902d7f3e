"""Users and staff: who may answer, what they can, and whether they are there."""

from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from helpdesk.models.base import (
    LANGUAGES,
    OrganizationForeignKey,
    OrganizationModel,
    OrganizationOneToOneField,
    label_of,
)


class UserManager(BaseUserManager["User"]):
    """Creates users, who are known by their mail address in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_superuser=True, is_staff=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in; global, because one person may work for several organizations."""

    email = models.EmailField(_("mail address"), unique=True)
    name = models.CharField(pgettext_lazy("of a person", "name"), max_length=80)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(
        _("platform administrator"), default=False, help_text=_("May sign in to the platform site.")
    )
    date_joined = models.DateTimeField(_("joined"), auto_now_add=True)
    language = models.CharField(_("language"), max_length=8, choices=LANGUAGES, blank=True)
    # Theme, shortcuts, sound, desktop notices; small and personal.
    preferences = models.JSONField(_("preferences"), default=dict, blank=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]
    objects = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_lower"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


class PresenceStatus(models.TextChoices):
    ONLINE = "online", _("Online")
    BUSY = "busy", _("Busy")
    FOCUS = "focus", _("Focus")
    AWAY = "away", _("Away")


class MailCopies(models.TextChoices):
    """When somebody gets their customers' messages by mail."""

    NEVER = "never", _("never")
    AWAY = "away", _("while no screen of mine is open")
    ALWAYS = "always", _("always")


class Staff(OrganizationModel):
    """A person who may answer for one organization."""

    user = models.ForeignKey(
        "helpdesk.User", models.PROTECT, related_name="+", verbose_name=_("user")
    )
    name = models.CharField(pgettext_lazy("of a person", "name"), max_length=80)
    name_en = models.CharField(
        pgettext_lazy("of a person", "English name"), max_length=80, blank=True
    )
    department = OrganizationForeignKey(
        "helpdesk.Department", models.PROTECT, related_name="staff", verbose_name=_("department")
    )
    position = OrganizationForeignKey(
        "helpdesk.Position",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="staff",
        verbose_name=_("position"),
    )
    languages = ArrayField(
        models.CharField(max_length=8),
        default=list,
        verbose_name=_("languages"),
        help_text=_("Codes such as zh and en."),
    )
    place = models.CharField(_("place"), max_length=60, blank=True)
    timezone = models.CharField(_("time zone"), max_length=40, default="Asia/Shanghai")
    capacity = models.DecimalField(
        _("capacity"),
        max_digits=5,
        decimal_places=1,
        default=Decimal(3),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(99))],
        help_text=_("How many conversations at once; one that waits for the customer counts half."),
    )
    lent_percent = models.PositiveSmallIntegerField(
        _("lent percent"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("The share of the working day for conversations; empty: all of it."),
    )
    # The sum of the weights of this person's running assignments; guarded at every commit.
    load = models.DecimalField(
        _("load"), max_digits=6, decimal_places=1, default=Decimal(0), editable=False
    )
    signature = models.TextField(
        _("signature"),
        blank=True,
        max_length=1000,
        help_text=_("Below this person's letters; empty: the department's."),
    )
    mail_copies = models.CharField(
        _("customers' messages by mail"),
        max_length=6,
        choices=MailCopies,
        default=MailCopies.NEVER,
        help_text=_("Mails can be answered from any mail program."),
    )
    call_address = models.CharField(
        _("phone for calls"),
        max_length=120,
        blank=True,
        help_text=_("Where calls ring: a number such as +8613800138000, or sip:name@exchange."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    # Raised whenever what this person may do could have changed; invalidates what was cached.
    permission_epoch = models.BigIntegerField(default=0, editable=False)
    joined_at = models.DateTimeField(_("joined"), auto_now_add=True)

    class Meta:
        verbose_name = _("member of staff")
        verbose_name_plural = _("staff")
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "user"], name="staff_user"),
            models.CheckConstraint(
                condition=models.Q(capacity__gte=0), name="staff_capacity_positive"
            ),
            models.CheckConstraint(condition=models.Q(load__gte=0), name="staff_load_positive"),
            models.CheckConstraint(
                condition=models.Q(lent_percent__gte=1, lent_percent__lte=100),
                name="staff_lent_percent",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "department"], name="staff_department")
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """Return the name in the reader's language."""
        return label_of(self.name, self.name_en)


class Presence(OrganizationModel):
    """Whether someone is there: what they chose, and until when their open screen vouches for it."""

    staff = OrganizationOneToOneField(
        "helpdesk.Staff", models.CASCADE, related_name="presence", primary_key=True
    )
    status = models.CharField(
        _("status"), max_length=8, choices=PresenceStatus, default=PresenceStatus.AWAY
    )
    lease_until = models.DateTimeField(_("there until"), null=True, blank=True)
    changed_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("presence")
        verbose_name_plural = _("presences")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(status__in=PresenceStatus.values), name="presence_status"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "lease_until"], name="presence_lease")
        ]


class StaffSkill(OrganizationModel):
    """A skill somebody has, at a level from 0 (just named) to 5 (others ask this person)."""

    staff = OrganizationForeignKey(
        "helpdesk.Staff", models.CASCADE, related_name="skills", verbose_name=_("member of staff")
    )
    skill = OrganizationForeignKey(
        "helpdesk.Skill", models.CASCADE, related_name="holders", verbose_name=_("skill")
    )
    level = models.PositiveSmallIntegerField(
        _("level"), default=1, validators=[MaxValueValidator(5)]
    )
    is_learning = models.BooleanField(
        _("in training"),
        default=False,
        help_text=_(
            "Gets easy cases of it, with a colleague behind, as the policy of routing says."
        ),
    )

    class Meta:
        verbose_name = _("skill of a member of staff")
        verbose_name_plural = _("skills of staff")
        ordering: ClassVar = ["-level", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "staff", "skill"], name="staff_skill"),
            models.CheckConstraint(condition=models.Q(level__lte=5), name="staff_skill_level"),
        ]

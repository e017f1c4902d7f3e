"""The organization, its departments and positions."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from helpdesk.models.base import LANGUAGES, Named, OrganizationForeignKey, OrganizationModel
from helpdesk.permissions import DEPARTMENT_PERMISSIONS

DEPARTMENT_COLORS = [
    ("support", _("teal")),
    ("sales", _("ochre")),
    ("rnd", _("violet")),
    ("admin", _("rose")),
    ("other", _("slate")),
    ("sky", _("sky")),
]


class Organization(Named):
    """The tenant; owns every row. A private installation has one, a service for many has many."""

    slug = models.SlugField(_("short name"), max_length=40, unique=True)
    language = models.CharField(
        _("main language"), max_length=8, choices=LANGUAGES, default="zh-hans"
    )
    timezone = models.CharField(_("time zone"), max_length=40, default="Asia/Shanghai")
    country = models.CharField(
        _("country of the calendar"),
        max_length=2,
        default="CN",
        help_text=_("Public holidays and make-up working days follow this country."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_demo = models.BooleanField(_("demo"), default=False, editable=False)
    first_run_done = models.JSONField(default=dict, blank=True, editable=False)
    # Messages with a smaller id may not be found yet: the sweeper goes on from here, newest first.
    unindexed_below = models.BigIntegerField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering: ClassVar = ["name"]


class Department(OrganizationModel, Named):
    """Where people work; a tree. Roles are held on a department and reach its whole subtree."""

    parent = OrganizationForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent"),
    )
    color = models.CharField(_("colour"), max_length=10, choices=DEPARTMENT_COLORS, default="other")
    order = models.PositiveSmallIntegerField(_("order"), default=0)
    signature = models.TextField(
        _("signature"),
        blank=True,
        max_length=1000,
        help_text=_(
            "Below letters of its people, with {name}, {name_en}, {position} and {department}."
        ),
    )

    class Meta:
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        permissions: ClassVar = DEPARTMENT_PERMISSIONS
        ordering: ClassVar = ["order", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "parent", "name"],
                name="department_name",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=~models.Q(parent=models.F("id")), name="department_not_own_parent"
            ),
        ]


class Position(OrganizationModel, Named):
    """A job title."""

    class Meta:
        verbose_name = _("position")
        verbose_name_plural = _("positions")
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="position_name"),
        ]


class Skill(OrganizationModel, Named):
    """What a topic needs and a member of staff has."""

    class Meta:
        verbose_name = _("skill")
        verbose_name_plural = _("skills")
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "name"], name="skill_name"),
        ]


class Topic(OrganizationModel, Named):
    """What a conversation is about: a node of the organization's own tree of question types."""

    parent = OrganizationForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("parent"),
    )
    department = OrganizationForeignKey(
        "helpdesk.Department",
        models.PROTECT,
        related_name="topics",
        verbose_name=_("department"),
        help_text=_("Its queue receives conversations about this topic."),
    )
    skill = OrganizationForeignKey(
        "helpdesk.Skill",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="topics",
        verbose_name=_("skill needed"),
    )
    minimum_level = models.PositiveSmallIntegerField(_("lowest level"), default=0)
    needs_exam = models.BooleanField(
        _("only with an exam"),
        default=False,
        help_text=_(
            "Answered only by those who have passed an exam of the skill that still counts."
        ),
    )
    keywords = ArrayField(
        models.CharField(max_length=40),
        default=list,
        blank=True,
        verbose_name=_("keywords"),
        help_text=_("In both languages, separated by commas."),
    )
    description = models.TextField(
        _("description"),
        blank=True,
        max_length=500,
        help_text=_("What it is about, in a sentence or two; messages are recognised by it, too."),
    )
    base_urgency = models.PositiveSmallIntegerField(_("urgency to start from"), default=20)
    is_active = models.BooleanField(_("active"), default=True)
    order = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering: ClassVar = ["order", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["organization", "parent", "name"], name="topic_name", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=~models.Q(parent=models.F("id")), name="topic_not_own_parent"
            ),
            models.CheckConstraint(
                condition=models.Q(minimum_level__lte=5), name="topic_minimum_level"
            ),
            models.CheckConstraint(
                condition=models.Q(base_urgency__lte=100), name="topic_base_urgency"
            ),
            models.CheckConstraint(
                condition=models.Q(needs_exam=False) | models.Q(skill__isnull=False),
                name="topic_exam_of_skill",
            ),
        ]


class TopicExample(OrganizationModel):
    """A question as customers ask it."""

    topic = OrganizationForeignKey(
        "helpdesk.Topic", models.CASCADE, related_name="examples", verbose_name=_("topic")
    )
    language = models.CharField(_("language"), max_length=8, choices=LANGUAGES, default="zh-hans")
    text = models.CharField(_("question"), max_length=300)

    class Meta:
        verbose_name = _("example question")
        verbose_name_plural = _("example questions")
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "topic", "text"], name="topic_example"),
        ]

"""What every table of an organization has in common."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models.expressions import RawSQL
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from helpdesk.crypto import decrypt, encrypt
from helpdesk.tenancy import (
    current_organization_id,
    organization_id_or_none,
    organization_in_queries,
)

LANGUAGES = settings.LANGUAGES


# The organization of the transaction, as a database default: it fills the column for rows that
# third-party code creates, such as guardian's.
CURRENT_ORGANIZATION = RawSQL(
    "nullif(current_setting('everydesk.organization_id', true), '')::bigint", ()
)
# The id of the running transaction.
CURRENT_TRANSACTION = RawSQL("pg_current_xact_id()::text::bigint", ())

Deconstructed = tuple[str, str, Sequence[Any], dict[str, Any]]  # Any: Django's own signature


class OrganizationQuerySet(models.QuerySet[Any]):  # Any: whichever model it is of
    """Rows of the organization in scope; what is created through it belongs to that organization."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Create the rows in the organization in scope."""
        rows = list(objs)
        for row in rows:
            row.claim()
        return super().bulk_create(rows, *args, **kwargs)


@lru_cache(maxsize=2048)
def _rows_of(
    model: type[models.Model], using: str | None, organization_id: object
) -> OrganizationQuerySet:
    """Return the rows of one organization, to be copied: building the filter costs more than a copy."""
    return OrganizationQuerySet(model, using=using).filter(organization_id=organization_id)


class OrganizationManager(models.Manager[Any]):  # Any: whichever model it is of
    """Filters by the organization in scope; raises outside one, never silently returns nothing."""

    def get_queryset(self) -> OrganizationQuerySet:
        rows: OrganizationQuerySet = _rows_of(
            self.model,  # type: ignore[arg-type]  # a class is hashable
            self._db,
            organization_in_queries(),
        ).all()
        return rows

    def none(self) -> OrganizationQuerySet:
        """Return no rows, which needs no scope: for code that only looks at the model."""
        return OrganizationQuerySet(self.model, using=self._db).none()


class OrganizationForeignKey(models.ForeignKey[Any, Any]):
    """A foreign key between tables of one organization.

    The plain constraint would accept another organization's row, so Django's is left out and
    `migration_operations.IsolateTable` adds a composite one on (organization_id, this column).
    """

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        # The plain column is seldom looked up: name an index that starts with the organization where it is.
        kwargs.setdefault("db_index", False)
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self) -> Deconstructed:
        """Appear in migrations as Django's own field."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs


class OrganizationOneToOneField(models.OneToOneField[Any, Any]):
    """`OrganizationForeignKey`, at most one row for each target."""

    def __init__(self, to: Any, on_delete: Any = models.PROTECT, **kwargs: Any) -> None:
        kwargs["db_constraint"] = False
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self) -> Deconstructed:
        """Appear in migrations as Django's own field."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.OneToOneField", args, kwargs


class OrganizationModel(models.Model):
    """A row that belongs to one organization; reached only inside `organization_scope`."""

    organization = models.ForeignKey(
        "helpdesk.Organization",
        models.CASCADE,
        related_name="+",
        editable=False,
        db_default=CURRENT_ORGANIZATION,
        db_index=False,
        verbose_name=_("organization"),
    )

    # A manager of whichever model inherits it.
    objects: ClassVar[models.Manager[Self]] = OrganizationManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own signature
        self.claim()
        super().save(*args, **kwargs)

    def claim(self) -> None:
        """Make the row belong to the organization in scope unless it names one already."""
        named: object = self.organization_id  # a database default until it is named
        if not isinstance(named, int):
            self.organization_id = current_organization_id()

    def validate_constraints(self, exclude: Any = None) -> None:
        """Check unique constraints within the organization in scope."""
        if organization_id_or_none() is not None:
            self.claim()
        super().validate_constraints(exclude=set(exclude or ()) - {"organization"})


def label_of(name: str, name_en: str) -> str:
    """Return the one of two names that is in the reader's language."""
    return name_en if name_en and (get_language() or "").startswith("en") else name


class Named(models.Model):
    """Something that the organization itself names, in its main language and in English."""

    name = models.CharField(_("name"), max_length=80)
    name_en = models.CharField(
        _("English name"),
        max_length=80,
        blank=True,
        help_text=_("Shown to colleagues who read English; the name is shown when empty."),
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """Return the name in the reader's language."""
        return label_of(self.name, self.name_en)


class EncryptedField(models.TextField):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Text that is stored encrypted with the installation's field keys."""

    def from_db_value(
        self, value: str | None, expression: object, connection: object
    ) -> str | None:
        return decrypt(value) if value else value

    def get_prep_value(self, value: Any) -> Any:
        prepared = super().get_prep_value(value)
        return encrypt(prepared) if prepared else prepared

    def deconstruct(self) -> Deconstructed:
        """Appear in migrations as Django's own field."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


class LanguageField(models.CharField):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A language code: `zh`, `en`, another two-letter code, or empty when it is not known."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 8)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)

    def get_prep_value(self, value: Any) -> Any:  # Any: Django's own signature
        """Keep the language alone: `zh` for `zh-Hans`, in whichever way it was written."""
        value = super().get_prep_value(value)
        return value.partition("-")[0].lower() if isinstance(value, str) else value

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Store it, and show it so on the object at hand."""
        value = self.get_prep_value(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, value)
        return value

    def deconstruct(self) -> Deconstructed:
        """Appear in migrations as Django's own field."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

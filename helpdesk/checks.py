"""Says at start what is wrong with the settings, each with a stable id and what to do about it."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import OperationalError, connections

SHORTEST_SECRET_KEY = 32
KNOWN_SECRETS = ("django-insecure", "changeme", "change-me", "secret")

ROLE_FACTS = """
SELECT rolsuper, rolbypassrls, EXISTS (
    SELECT FROM pg_tables WHERE schemaname = 'public' AND pg_has_role(current_user, tableowner, 'MEMBER')
) FROM pg_roles WHERE rolname = current_user
"""


@register(Tags.security)
def check_hosts(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Refuse the wildcard, with which any site could open a socket or poison a link."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    hint = (
        "Name the hosts in ALLOWED_HOSTS, separated by commas; PUBLIC_URL's own is known already."
    )
    return [Error("ALLOWED_HOSTS accepts every host.", hint=hint, id="everydesk.E001")]


@register(Tags.security)
def check_secrets(app_configs: Sequence[AppConfig] | None, **kwargs: object) -> list[CheckMessage]:
    """Refuse secrets that are short, known or not keys at all."""
    found: list[CheckMessage] = []
    key = settings.SECRET_KEY
    if len(key) < SHORTEST_SECRET_KEY or key.lower().startswith(KNOWN_SECRETS):
        hint = 'Make one: python -c "import secrets; print(secrets.token_urlsafe(48))"'
        found.append(Error("SECRET_KEY is short or well known.", hint=hint, id="everydesk.E002"))
    if not settings.FIELD_KEYS or not all(_is_field_key(key) for key in settings.FIELD_KEYS):
        hint = 'Make one: python -c "from cryptography.fernet import Fernet as F; print(F.generate_key().decode())"'
        found.append(Error("FIELD_KEYS has no valid key.", hint=hint, id="everydesk.E003"))
    if settings.DEBUG:
        hint = "Remove it: error pages would show settings and rows to strangers."
        found.append(Error("DEBUG is on.", hint=hint, id="everydesk.E004"))
    return found


@register(Tags.urls)
def check_public_url(
    app_configs: Sequence[AppConfig] | None, **kwargs: object
) -> list[CheckMessage]:
    """Refuse an address that widget tags and webhooks cannot be made from."""
    url = urlsplit(settings.PUBLIC_URL)
    if (
        url.scheme not in {"http", "https"}
        or not url.hostname
        or url.path
        or url.query
        or url.fragment
    ):
        hint = "Give scheme and host only: PUBLIC_URL=https://desk.example.com"
        return [Error(f"PUBLIC_URL is odd: {settings.PUBLIC_URL}", hint=hint, id="everydesk.E005")]
    if url.scheme == "http" and not settings.IS_LOOPBACK:
        hint = "Use https: passwords and customers' words travel to it."
        return [Warning("PUBLIC_URL is not encrypted.", hint=hint, id="everydesk.W006")]
    return []


@register(Tags.database)
def check_application_role(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: object,
) -> list[CheckMessage]:
    """Refuse a role that row-level security does not bind. Asked for with --database default."""
    if "default" not in (databases or []):
        return []
    return application_role_errors()


def application_role_errors() -> list[CheckMessage]:
    """Return why the role we connect as must not be used; empty while the database is away."""
    try:
        with connections["default"].cursor() as cursor:
            cursor.execute(ROLE_FACTS)
            facts = cursor.fetchone()
    except OperationalError:
        return []
    names = ("a superuser", "exempt from row-level security", "an owner of the tables")
    wrong = [name for name, is_so in zip(names, facts, strict=True) if is_so]
    if not wrong:
        return []
    hint = "DATABASE_URL must name the application role; DATABASE_OWNER_URL the owner. See docs/operations.md."
    message = f"The application's database role is {' and '.join(wrong)}."
    return [Error(message, hint=hint, id="everydesk.E007")]


def _is_field_key(key: str) -> bool:
    try:
        Fernet(key)
    except (ValueError, TypeError):
        return False
    return True

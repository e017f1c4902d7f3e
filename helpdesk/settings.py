"""Every setting, read from the environment; `helpdesk/checks.py` says what is wrong with them."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import environ
import structlog
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from helpdesk.admin.looks import ORGANIZATION, PLATFORM

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
HOME = Path(env.str("EVERYDESK_HOME", default=str(BASE_DIR / "var"))).resolve()
if (HOME / "secrets.env").is_file() and os.access(HOME / "secrets.env", os.R_OK):
    env.read_env(str(HOME / "secrets.env"))

SECRET_KEY = env.str("SECRET_KEY")
# Channel secrets at rest; the first key writes, every key reads, so that a key can be rotated.
FIELD_KEYS: list[str] = env.list("FIELD_KEYS")

DEBUG = False
PORT = env.int("PORT", default=8000)
# Where customers and vendors reach us; widget tags and webhook addresses are made from it.
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
_public = urlsplit(PUBLIC_URL)
ALLOWED_HOSTS: list[str] = env.list(
    "ALLOWED_HOSTS", default=[_public.hostname or "127.0.0.1", "127.0.0.1", "localhost", "[::1]"]
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# Whether visitors drop by in the demo companies while somebody is signed in.
DEMO_TRAFFIC = env.bool("DEMO_TRAFFIC", default=True)
IS_LOOPBACK = (_public.hostname or "") in {"127.0.0.1", "localhost", "::1"}

INSTALLED_APPS = [
    "daphne",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.guardian",
    "guardian",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "channels",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "django_celery_beat",
    "django_structlog",
    "axes",
    "helpdesk",
    "routing",
    "knowledge",
    "channels_app",
]

MIDDLEWARE = [
    "helpdesk.portal.middleware.RoomMiddleware",
    "helpdesk.portal.middleware.AddressMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "helpdesk.portal.middleware.SizeMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "helpdesk.portal.middleware.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "helpdesk.portal.middleware.UnavailableMiddleware",
    "helpdesk.portal.middleware.StaffMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "helpdesk.urls"
ASGI_APPLICATION = "helpdesk.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "helpdesk.template_layout.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
            ],
            "libraries": {"i18n": "helpdesk.templatetags.texts"},
        },
    }
]

# Our `i18n` tags take the place of Django's on purpose.
SILENCED_SYSTEM_CHECKS = ["templates.W003"]

# The application role is neither owner nor superuser: row-level security always holds.
# The owner is for migrations only.
_pool = {
    "min_size": env.int("DATABASE_POOL_IDLE", default=1),
    "max_size": env.int("DATABASE_POOL", default=12),
    "timeout": 4,
}
_database_options = {"connect_timeout": 5}
_application = env.db_url("DATABASE_URL")
_owner = env.db_url("DATABASE_OWNER_URL", default=env.str("DATABASE_URL"))
DATABASES = {
    "default": {
        **_application,
        "CONN_MAX_AGE": 0,
        # A connection that died with its server is noticed before a request is given it.
        "CONN_HEALTH_CHECKS": True,
        # What the address says in its query (host of a unix socket, sslmode) comes along.
        "OPTIONS": {**_database_options, **_application.get("OPTIONS", {}), "pool": _pool},
        "DISABLE_SERVER_SIDE_CURSORS": True,
    },
    "owner": {**_owner, "OPTIONS": {**_database_options, **_owner.get("OPTIONS", {})}},
}
DATABASE_APPLICATION_ROLE = DATABASES["default"]["USER"]
DATABASE_DEFINER_ROLE = env.str("DATABASE_DEFINER_ROLE", default="everydesk_definer")

REDIS_URL = env.str("REDIS_URL")
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
}
# Kombu has its own spelling for a unix socket.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

AUTH_USER_MODEL = "helpdesk.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "portal:sign-in"
LOGIN_REDIRECT_URL = "portal:workspace"
ANONYMOUS_USER_NAME = None
GUARDIAN_RAISE_403 = False

AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
# The name in our forms; Axes would look for the name of the model's field and find nobody to lock.
AXES_USERNAME_FORM_FIELD = "username"
AXES_LOCKOUT_PARAMETERS = "helpdesk.portal.sign_in.lockout_parameters"
AXES_LOCKOUT_CALLABLE = "helpdesk.portal.sign_in.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False  # it would log addresses

SESSION_COOKIE_NAME = "everydesk_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _public.scheme == "https"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
)
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "media-src": [SELF],
        "manifest-src": [SELF],
        "frame-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
ATTACHMENT_MAX_BYTES = env.int("ATTACHMENT_MAX_BYTES", default=20 * 1024 * 1024)
# Of a larger mail in a mailbox only the head is read; the mail itself stays where it is.
MAIL_MAX_BYTES = env.int("MAIL_MAX_BYTES", default=50 * 1024 * 1024)
# The largest body of any request: a file and what a form wraps it in.
REQUEST_MAX_BYTES = ATTACHMENT_MAX_BYTES + 256 * 1024
MEDIA_ROOT = HOME / "media"
# Private networks that outgoing calls may reach, such as 10.1.2.0/24; only operators can say so.
OUTGOING_ALLOWED_NETWORKS: list[str] = env.list("OUTGOING_ALLOWED_NETWORKS", default=[])

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = sorted(path for path in (BASE_DIR / "locale").glob("*") if path.is_dir())
TIME_ZONE = "UTC"
USE_TZ = True
# One way to write times in English, with 24 hours as everywhere else.
FORMAT_MODULE_PATH = ["helpdesk.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STATICFILES_DIRS: list[Path] = []
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": env.str(
            "STATIC_STORAGE", default="whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_TIMEOUT = 10

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["helpdesk.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["helpdesk.api.authentication.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["helpdesk.api.throttling.TokenThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["helpdesk.api.parsing.BoundedJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "helpdesk.api.paging.Pages",
    "DEFAULT_SCHEMA_CLASS": "helpdesk.api.description.ApiSchema",
    "EXCEPTION_HANDLER": "helpdesk.api.problems.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
API_CALLS_PER_MINUTE = env.int("API_CALLS_PER_MINUTE", default=600)
API_BODY_BYTES = 256 * 1024
SPECTACULAR_SETTINGS = {
    "TITLE": "Everydesk",
    "DESCRIPTION": gettext_noop(
        "Synchronise customers, conversations and messages with other systems. "
        "A token acts for one member of staff and never does more than that person may."
    ),
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": [],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "helpdesk.api.description.translate",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ConversationState": "helpdesk.models.State",
        "DeliveryState": "helpdesk.models.outbox.Delivery",
        "MessageDirection": "helpdesk.models.Direction",
    },
}

# One way for every line: the standard library's, which the levels below know.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(key_order=["event"]),
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
UNFOLD_ORGANIZATION, UNFOLD_PLATFORM = ORGANIZATION, PLATFORM
# Whether administrators see the links of invitations. Only for installations whose administrators trust
# each other: who holds the link of somebody new chooses that person's password.
SHOW_INVITATION_LINKS = env.bool("SHOW_INVITATION_LINKS", default=IS_LOOPBACK)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "helpdesk.log_lines.Formatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "django_structlog": {"level": "WARNING"},
        # They would log every address that is called, tokens in it included.
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
    },
}

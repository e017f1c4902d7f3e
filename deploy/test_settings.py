"""Settings of a test run: the product's own, on services that belong to tests alone.

Loading them starts the services, so that `pytest` works as it stands: data that may be lost,
in `$EVERYDESK_HOME/tests`, never a developer's own database.
"""

import atexit
import os
from contextlib import ExitStack
from pathlib import Path

from deploy.services import home_folder, make_socket_folder, provide_secrets, services_for_command
from deploy.translations import compile_translations
from deploy.valkey import Valkey

IN_TEST_HOME = "EVERYDESK_TEST_HOME"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
_stack = ExitStack()
atexit.register(_stack.close)


def _start_services() -> None:
    """Start what the whole run shares; its parallel workers inherit the addresses."""
    home = home_folder() / "tests"
    os.environ["EVERYDESK_HOME"] = os.environ[IN_TEST_HOME] = str(home)
    provide_secrets(home)
    _stack.enter_context(services_for_command(home, is_throwaway=True))
    compile_translations()


def _start_own_broker(home: Path) -> None:
    """Give a parallel worker a broker of its own: subscriptions know no database numbers."""
    folder = make_socket_folder()
    _stack.callback(folder.rmdir)
    valkey = Valkey(home, folder)
    _stack.callback(valkey.stop)
    valkey.start()
    os.environ["REDIS_URL"] = valkey.url


if IN_TEST_HOME not in os.environ:
    _start_services()
elif WORKER != "main":
    _start_own_broker(Path(os.environ["EVERYDESK_HOME"]))
os.environ["DATABASE_POOL_IDLE"] = "0"
os.environ["STATIC_STORAGE"] = "django.contrib.staticfiles.storage.StaticFilesStorage"

from helpdesk.settings import *  # noqa: E402, F403

# Every client of a test would look for all static files before its first request.
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests that want files apart from each other set their own folder.
MEDIA_ROOT = Path(os.environ["EVERYDESK_HOME"]) / "media" / WORKER
(Path(os.environ["EVERYDESK_HOME"]) / "static").mkdir(exist_ok=True)

"""The two commands, for real: a stack of our own is started, hurt and stopped."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.processes import can_reach
from tests.deploy.stack import PROJECT, Stack, clean_environment, eventually, free_port, stack

CHILDREN = {
    "postgres": ("bin/postgres",),
    "valkey": ("valkey-server",),
    "web": ("daphne",),
    "router": ("run_router",),
    "sweeper": ("run_sweeps",),
    "connector": ("run_connector",),
    "worker": ("celery", "worker"),
    "beat": ("celery", "beat"),
}


def published(stack: Stack) -> set[str]:
    return {path.name for path in stack.home.iterdir()} & {"ready.json", "services.json"}


@pytest.fixture(scope="module")
def running(reachable: Path) -> Iterator[Stack]:
    with stack(reachable / "home") as own:
        own.await_ready()
        yield own
        assert own.stop() == 0
        assert own.remains() == []
        assert published(own) == set()


@pytest.mark.xdist_group("stack")
def test_a_ready_stack_says_where_it_is_and_keeps_its_secrets_private(running: Stack) -> None:
    ready = running.await_ready()
    assert ready["url"] == f"http://127.0.0.1:{running.port}/"
    assert {"shop_url", "admin_url", "platform_url", "accounts"} <= set(ready)
    for name in ("ready.json", "services.json", "secrets.env", "postgres.env"):
        assert stat.S_IMODE((running.home / name).stat().st_mode) == 0o600
    assert running.status() == 200


@pytest.mark.xdist_group("stack")
def test_what_is_killed_comes_back(running: Stack) -> None:
    running.kill(*CHILDREN["web"])
    running.kill(*CHILDREN["postgres"])
    eventually(lambda: running.status() == 200)


@pytest.mark.xdist_group("stack")
def test_a_second_supervisor_in_the_same_home_says_so(running: Stack) -> None:
    again = run_supervisor(running.home, free_port())
    assert again.returncode != 0
    assert "already runs" in again.stderr


@pytest.mark.xdist_group("stack")
def test_a_port_in_use_is_told_at_once(running: Stack, place: Path) -> None:
    elsewhere = run_supervisor(place / "other", running.port)
    assert elsewhere.returncode != 0
    assert f"port {running.port}" in elsewhere.stdout


def run_supervisor(home: Path, port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.supervisor"],
        cwd=PROJECT,
        env=clean_environment(home, PORT=str(port), DEMO="0"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.soak
@pytest.mark.parametrize("name", CHILDREN)
def test_any_child_that_is_killed_comes_back_and_the_web_serves(place: Path, name: str) -> None:
    with stack(place / "home") as own:
        own.await_ready()
        for _ in range(2):
            own.kill(*CHILDREN[name])
            eventually(lambda: own.status() == 200)


@pytest.mark.soak
def test_a_killed_supervisor_leaves_nothing_and_the_next_start_works(place: Path) -> None:
    with stack(place / "home") as own:
        for _ in range(3):
            own.await_ready()
            own.stop(signal.SIGKILL)
            eventually(lambda: own.remains() == [], 15)
            own.start()
        own.await_ready()
        assert own.status() == 200
        assert own.stop() == 0
        assert own.remains() == []


@pytest.mark.soak
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_types_two_commands(place: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    project = copy_of_project(place / "everydesk", nobody)
    own = Stack(project / "var", user=nobody.pw_uid, HOME=str(project))
    own.output = place / "output"
    own.command = ["make", f"PYTHON={python_for(nobody)}", "run"]
    own.project = project
    own.start()
    try:
        own.await_ready()
        assert {process.username() for process in own.descendants()} == {"nobody"}
        own.kill(*CHILDREN["postgres"])
        eventually(lambda: own.status() == 200)
    finally:
        own.stop(signal.SIGKILL)
    eventually(lambda: own.remains() == [], 30)


def copy_of_project(target: Path, user: pwd.struct_passwd) -> Path:
    """Return a clean clone's content that belongs to the user and is reachable for it."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    named = subprocess.run(listing, cwd=PROJECT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, named.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, target / name)
    for path in (target, *target.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    return target


def python_for(user: pwd.struct_passwd) -> str:
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        if Path(python).exists() and can_reach(Path(python).resolve(), user):
            return str(Path(python).resolve())
    pytest.skip("no Python that an ordinary user can reach")


@pytest.mark.soak
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can pass a private folder")
def test_root_can_run_it_below_a_private_folder(place: Path) -> None:
    home = place / "home"
    home.mkdir(mode=0o700)
    with stack(home) as own:
        own.await_ready()
        assert own.status() == 200
        own.stop()
        assert (own.home / "postgresql").is_symlink()


@pytest.mark.soak
def test_two_web_processes_share_the_port_and_have_one_each(place: Path) -> None:
    with stack(place / "home", WEB_PROCESSES="2") as own:
        ready = own.await_ready()
        assert len(list(ready["web_urls"])) == 3  # type: ignore[call-overload]
        own.kill("daphne", str(own.port + 1))
        assert own.status() == 200

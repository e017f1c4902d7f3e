import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy import fingerprints, processes, services
from tests.deploy.stack import PROJECT, clean_environment

COMMAND = """
import os, sys
from deploy.services import ensure_services
with ensure_services(["manage.py", "shell"]):
    print(os.environ["DATABASE_URL"], os.environ["REDIS_URL"], flush=True)
    sys.stdin.readline()
"""


def start_command(home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        cwd=PROJECT,
        env=clean_environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("arguments", "needs"),
    [
        (["shell"], True),
        (["migrate"], True),
        (["makemigrations", "--check"], True),
        (["check"], False),
        (["evaluate_topics", "--train", "a", "--test", "b"], False),
        (["simulate_routing", "--world", "a", "--log", "b"], False),
        (["bench", "routing"], False),
        (["check", "--database", "default"], True),
        (["migrate", "--help"], False),
        (["help"], False),
        (["--version"], False),
        ([], False),
    ],
)
def test_only_commands_that_ask_a_service_start_one(arguments: list[str], needs: bool) -> None:
    assert services.needs_services(["manage.py", *arguments]) is needs


def test_commands_share_the_services_of_a_home_and_the_last_one_ends_them(place: Path) -> None:
    first, second = start_command(place), None
    try:
        assert first.stdout is not None
        addresses = first.stdout.readline()
        second = start_command(place)
        assert second.stdout is not None
        assert second.stdout.readline() == addresses
        socket_folder = Path(addresses.split("host=")[1].split()[0])
        # The first one, who started them, has to wait for the second.
        with pytest.raises(subprocess.TimeoutExpired):
            first.communicate("\n", timeout=1)
        assert (socket_folder / "valkey.sock").exists()
        second.communicate("\n", timeout=30)
        first.wait(30)
        assert not socket_folder.exists()
        assert not (place / "services.json").exists()
    finally:
        for process in (first, second):
            if process is not None and process.poll() is None:
                process.kill()


def test_services_named_by_the_environment_are_used_as_they_are(tmp_path: Path) -> None:
    named = {"DATABASE_URL": "postgres://a@b/c", "REDIS_URL": "redis://d"}
    environment = clean_environment(tmp_path, **named)
    command = [sys.executable, "-c", COMMAND]
    done = subprocess.run(
        command,
        cwd=PROJECT,
        env=environment,
        input="\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "postgres://a@b/c redis://d"
    assert not (tmp_path / "postgresql").exists()


def test_a_step_runs_again_only_when_its_files_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / "helpdesk" / "migrations").mkdir(parents=True)
    migration = project / "helpdesk" / "migrations" / "0001_first.py"
    migration.write_text("one")
    monkeypatch.setattr(fingerprints, "PROJECT", project)
    home = tmp_path / "home"
    assert fingerprints.changed(home) == list(fingerprints.STEPS)
    for step in fingerprints.STEPS:
        fingerprints.remember(home, step)
    assert fingerprints.changed(home) == []
    migration.write_text("two")
    assert fingerprints.changed(home) == ["migrations", "demo"]


def test_another_database_is_prepared_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://a@/everydesk?host=/tmp/one")
    for step in fingerprints.STEPS:
        fingerprints.remember(tmp_path, step)
    monkeypatch.setenv("DATABASE_URL", "postgres://a@/everydesk?host=/tmp/two")
    assert fingerprints.changed(tmp_path) == []
    monkeypatch.setenv("DATABASE_URL", "postgres://a@db.example.com/everydesk")
    assert fingerprints.changed(tmp_path) == ["migrations", "demo"]


def test_reach_is_judged_by_every_folder_above(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root asks this")
    user = processes.unprivileged_user()
    inner = tmp_path / "open" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, *inner.parents):
        if folder.is_relative_to(Path("/tmp")) and folder != Path("/tmp"):
            folder.chmod(0o755)
    assert processes.can_reach(inner, user)
    (tmp_path / "open").chmod(0o700)
    assert not processes.can_reach(inner, user)

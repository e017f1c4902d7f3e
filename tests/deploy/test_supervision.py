import json
import os
import stat
import sys
from pathlib import Path

import pytest

from deploy import announcement, credentials, processes
from deploy.children import LONGEST_DELAY_SECONDS, Backoff, Child, stop_together
from deploy.plan import child_environment, web_processes
from deploy.supervisor import refuse_demo_accounts_abroad

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
]


def child(tmp_path: Path, command: list[str], name: str = "child") -> Child:
    return Child(name=name, command=command, env=os.environ, log_folder=tmp_path)


def test_who_falls_again_and_again_waits_longer_and_longer() -> None:
    backoff = Backoff()
    pauses = [backoff.after_run(1.0) for _ in range(9)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses[-1] == LONGEST_DELAY_SECONDS


def test_a_healthy_run_forgets_earlier_falls() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.after_run(1.0)
    assert backoff.after_run(3600.0) == 0.5


def test_a_child_that_ends_is_told_of_and_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    own = child(tmp_path, [sys.executable, "-c", "raise SystemExit(3)"])
    own.start()
    assert own.process is not None
    own.process.wait()
    own.watch(said.append)
    assert "child ended (status 3); starting again in 0.5 s" in said[0]
    first, own.start_again_at = own.process, 0.0
    own.watch(said.append)
    assert own.process is not first
    own.process.wait()


def test_who_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    polite, stubborn = child(tmp_path, SLEEPER, "polite"), child(tmp_path, STUBBORN, "stubborn")
    polite.start()
    stubborn.start()
    assert processes.wait_until(lambda: "up" in stubborn.log_path.read_text(), timeout_seconds=30)
    stop_together([polite, stubborn], grace_seconds=0.2)
    assert polite.process is not None
    assert stubborn.process is not None
    assert (polite.process.returncode, stubborn.process.returncode) == (-15, -9)


def test_a_large_log_keeps_one_old_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.children.LOG_LIMIT_BYTES", 10)
    own = child(tmp_path, SLEEPER)
    own.log_path.write_text("more than ten bytes")
    own.limit_log()
    assert own.log_path.read_text() == ""
    assert (tmp_path / "child.log.1").read_text() == "more than ten bytes"


def test_children_are_not_given_the_owner_of_the_tables() -> None:
    given = child_environment({"DATABASE_URL": "a", "DATABASE_OWNER_URL": "b"})
    assert "DATABASE_OWNER_URL" not in given
    assert given["DATABASE_URL"] == "a"


def test_the_web_refuses_frames_over_64_kilobytes(tmp_path: Path) -> None:
    for count in (1, 2):
        for web in web_processes(tmp_path, listener=9, port=80, count=count, environment={}):
            command = " ".join(web.command)
            assert "--websocket-max-message-size 65536" in command
            assert "--websocket-max-frame-size 65536" in command


def test_secrets_are_random_private_and_kept(tmp_path: Path) -> None:
    first = credentials.installation_secrets(tmp_path / "a")
    assert first == credentials.installation_secrets(tmp_path / "a")
    assert first["SECRET_KEY"] != credentials.installation_secrets(tmp_path / "b")["SECRET_KEY"]
    assert stat.S_IMODE((tmp_path / "a" / "secrets.env").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("address", "url", "is_refused"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", False),
        ("127.0.0.1", "http://localhost:8000", False),
        ("0.0.0.0", "http://127.0.0.1:8000", True),
        ("127.0.0.1", "https://desk.example.com", True),
    ],
)
def test_demo_accounts_stay_on_this_machine(
    tmp_path: Path, address: str, url: str, is_refused: bool
) -> None:
    assert refuse_demo_accounts_abroad(tmp_path, address, url) is None
    (tmp_path / "demo_accounts.json").write_text("[]")
    refusal = refuse_demo_accounts_abroad(tmp_path, address, url)
    assert (refusal is not None) == is_refused


def test_the_announcement_shows_addresses_and_accounts(tmp_path: Path) -> None:
    account = '{"login": "lin@x", "password": "p w", "role": "agent", "organization": "云杉"}'
    (tmp_path / "demo_accounts.json").write_text(f"[{account}]")
    facts = announcement.ready_facts(tmp_path, public_url="http://127.0.0.1:1", web_urls=[])
    text = announcement.text_for_people(facts)
    for part in ("http://127.0.0.1:1/shop/", "lin@x", "p w", "云杉"):
        assert part in text


def test_the_announcement_names_no_organization_where_there_is_none(tmp_path: Path) -> None:
    account = {"login": "root@x", "password": "p", "role": "platform", "organization": ""}
    (tmp_path / "demo_accounts.json").write_text(json.dumps([account]))
    facts = announcement.ready_facts(tmp_path, public_url="http://127.0.0.1:1", web_urls=[])
    assert "  root@x  p  platform\n" in announcement.text_for_people(facts)

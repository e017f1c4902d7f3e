"""A command beside a running installation knows its web address."""

import json
import os

import pytest

from deploy.services import follow_running_web


@pytest.fixture
def home(tmp_path, monkeypatch):
    # Set and removed, so that what the code sets is taken back after the test.
    for name in ("PORT", "PUBLIC_URL"):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    (tmp_path / "ready.json").write_text(json.dumps({"url": "http://127.0.0.1:8123/"}))
    return tmp_path


def test_the_running_address_is_taken(home):
    follow_running_web(home)
    assert os.environ["PUBLIC_URL"] == "http://127.0.0.1:8123"


@pytest.mark.parametrize("name", ["PORT", "PUBLIC_URL"])
def test_what_the_environment_names_holds(home, monkeypatch, name):
    monkeypatch.setenv(name, "9000")
    follow_running_web(home)
    assert os.environ.get("PUBLIC_URL", "9000") == "9000"


def test_without_a_running_installation_nothing_is_set(home):
    (home / "ready.json").unlink()
    follow_running_web(home)
    assert "PUBLIC_URL" not in os.environ

"""Which tests can run here, and a word about those that cannot."""

import os
import re
from collections import Counter
from collections.abc import Iterable

import pytest

from deploy.browser import browser_path

# Those that use the machine as a whole stay in one worker, one after the other.
ALONE = ("journey",)
NAMED_BY = 60
CONTRACT = re.compile(r"/test_every_\w+\.py::\w+\[(\w+)\]$")
NOT_RUN: Counter[str] = Counter()


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a long value by its beginning: the names of all tests travel between the workers."""
    if not isinstance(val, str | bytes) or len(val) <= NAMED_BY:
        return None
    start = ascii(val[:NAMED_BY])
    return f"{start[start.index(start[-1]) + 1 : -1]}... {len(val)}"


# First: the workers are dealt their tests by the groups known then.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = what_is_missing()
    for item in items:
        for marker in ALONE:
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.xdist_group(marker))
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def what_is_missing() -> dict[str, str]:
    """Return why tests with a marker cannot run; in CI a missing browser is a failure, not a skip."""
    missing = {}
    if browser_path() is None and os.environ.get("CI", "").lower() != "true":
        missing["journey"] = "no browser: apt-get install chromium fonts-noto-cjk"
    if not os.environ.get("EVERYDESK_CORPUS"):
        missing["corpus"] = "EVERYDESK_CORPUS names no folder"
    return missing


@pytest.hookimpl(tryfirst=True)
def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in ("soak", "bench"):
            if item.get_closest_marker(marker):
                NOT_RUN[f"make {marker}"] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not run and why, before pytest's own closing line."""
    reasons = Counter(
        str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])
    )
    lines = [f"{count}: {reason}" for reason, count in (reasons + NOT_RUN).items()]
    if lines:
        terminalreporter.write_line("Not run:")
        for line in lines:
            terminalreporter.write_line(f"  {line}")
    for line in contract_lines(
        report.nodeid for report in terminalreporter.stats.get("passed", [])
    ):
        terminalreporter.write_line(line)


def contract_lines(passed: Iterable[str]) -> list[str]:
    """Return how many checks of the contract each kind of channel has met, where they were run."""
    held = Counter(found.group(1) for node in passed if (found := CONTRACT.search(node)))
    if not held:
        return []
    return [
        f"Contract of channels: {held.total()} checks of {len(held)} kinds",
        "  " + ", ".join(f"{kind} {count}" for kind, count in sorted(held.items())),
    ]

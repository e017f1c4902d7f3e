"""One installation with the demo company, a browser, and people in front of their screens."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from django.utils import timezone
from playwright.sync_api import Browser, sync_playwright

from deploy.browser import browser_path
from tests.deploy.stack import Stack, eventually
from tests.journeys.people import Colleague, Crowd, Visitor
from tests.journeys.post_office import PostOffice, is_watched, open_post_office
from tests.journeys.rows import change_rows

# Journeys on an installation that runs already: for whoever writes one.
RUNNING_HOME = "EVERYDESK_JOURNEYS_ON"
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the journeys."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.journey)


@pytest.fixture(scope="session")
def installation() -> Iterator[Stack]:
    with tempfile.TemporaryDirectory(prefix="everydesk-journeys-") as folder:
        Path(folder).chmod(0o755)
        yield from _installation(Path(os.environ.get(RUNNING_HOME) or Path(folder) / "home"))


def _installation(home: Path) -> Iterator[Stack]:
    # The mail servers of the journeys are on loopback, which an operator has to allow.
    own = Stack(home, DEMO="1", DEMO_TRAFFIC="0", OUTGOING_ALLOWED_NETWORKS="127.0.0.0/8")
    if RUNNING_HOME in os.environ:
        supervisor = json.loads((home / "services.json").read_text())["pid"]
        own.process = psutil.Process(supervisor)  # type: ignore[assignment]  # enough of a process
        make_room(own)
        yield own
        return
    own.start()
    try:
        own.await_ready()
        make_room(own)
        yield own
    finally:
        own.stop()


def make_room(installation: Stack) -> None:
    """Let nobody be full, and nobody wait, of what the demo and earlier journeys left."""
    change_rows(installation, "UPDATE helpdesk_staff SET capacity = 90 WHERE is_active", [])
    change_rows(
        installation,
        "UPDATE helpdesk_conversation SET state = 'closed', queue_id = NULL, queued_at = NULL,"
        " waiting_since = NULL, route_at = NULL, closed_at = now() WHERE state = 'queued'",
        [],
    )


# Whoever was there in an earlier journey takes nothing of this one, and gives nothing back to the line.
AWAY = (
    "UPDATE helpdesk_presence SET status = 'away'",
    """UPDATE helpdesk_conversation SET state = 'closed', queue_id = NULL, queued_at = NULL,
           owner_id = NULL, snoozed_until = NULL, return_at = NULL, waiting_since = NULL,
           route_at = NULL, closed_at = now() WHERE state NOT IN ('resolved', 'closed')""",
    """UPDATE helpdesk_call SET state = 'ended', ending = 'completed', ended_at = now(), due_at = NULL
           WHERE state <> 'ended'""",
    # What nobody ends would count as held for longer and longer, and no wait could be told.
    "UPDATE helpdesk_assignment SET ended_at = now(), ending = 'undone' WHERE ended_at IS NULL",
    "UPDATE helpdesk_staff SET load = 0",
)


def clear_desk(installation: Stack) -> None:
    """Let nobody be there, and nothing be open, of what the demo and earlier journeys left."""
    make_room(installation)
    for statement in AWAY:
        change_rows(installation, statement, [])


@pytest.fixture
def cleared_desk(installation: Stack) -> None:
    """Nobody is there but who comes in, so that what a customer writes is theirs at once."""
    clear_desk(installation)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the module: Playwright's loop must not outlive it, other tests have their own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=BROWSER_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def crowd(installation: Stack, browser: Browser) -> Iterator[Crowd]:
    """People who can come in, each with a browser profile of their own.

    At the end nobody's page may have logged an error or tried what the content policy forbids.
    """
    ready = json.loads((installation.home / "ready.json").read_text())
    crowd = Crowd(browser, ready, installation)
    yield crowd
    crowd.leave()
    assert crowd.complaints == []


@pytest.fixture
def visitor(crowd: Crowd) -> Visitor:
    return crowd.visitor()


@pytest.fixture
def jia(crowd: Crowd) -> Colleague:
    """Chen Jia of support: earbuds and returns."""
    return crowd.colleague("jia.chen")


@pytest.fixture
def xiaolan(crowd: Crowd) -> Colleague:
    """Lin Xiaolan of sales: products and companies."""
    return crowd.colleague("xiaolan.lin")


@pytest.fixture
def yiming(crowd: Crowd) -> Colleague:
    """Gu Yiming of research: firmware."""
    return crowd.colleague("yiming.gu")


@pytest.fixture
def min_zhou(crowd: Crowd) -> Colleague:
    """Zhou Min, who supervises support."""
    return crowd.colleague("min.zhou")


@pytest.fixture
def ling(crowd: Crowd) -> Colleague:
    """Qin Ling, who administers the organization."""
    return crowd.colleague("ling.qin")


@pytest.fixture(scope="session")
def post_office() -> Iterator[PostOffice]:
    with open_post_office() as post_office:
        yield post_office


@pytest.fixture
def post(crowd: Crowd, post_office: PostOffice) -> PostOffice:
    """The mail servers of the company, to which its mailbox is connected."""
    post_office.works_well()
    if not post_office.is_connected:
        since = timezone.now()
        ling = crowd.colleague("ling.qin")
        ling.connects_mailbox(post_office.settings(), mailbox="客服邮箱")
        eventually(lambda: is_watched(crowd.installation, since), 40)
        post_office.is_connected = True
    return post_office

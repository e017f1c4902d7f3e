"""The audit trail speaks the reader's language: labels for codes, names for ids."""

import ast
from collections.abc import Callable, Iterator

from django.test import Client
from django.utils import translation

from helpdesk.admin.sites import organization_site, platform_site
from helpdesk.audit_words import action_label
from helpdesk.models import AuditEntry, Conversation
from helpdesk.services import audit
from tests.factories import World
from tests.source import APPS, place, python_files, tree

Browser = Callable[..., Client]
RECORDING = {"record", "record_each", "record_platform", "audit"}


def recorded() -> Iterator[tuple[str, str]]:
    """Yield each action that the code records by its full name, and where."""
    for path in python_files(*APPS):
        for call in ast.walk(tree(path)):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if name not in RECORDING:
                continue
            for part in ast.walk(call.args[0]):
                code = part.value if isinstance(part, ast.Constant) else None
                if isinstance(code, str) and "." in code.strip("."):
                    yield code, place(path, call.lineno)


def test_every_action_that_the_code_records_has_a_label() -> None:
    found = dict(recorded())
    assert len(found) > 40
    assert {code: where for code, where in found.items() if action_label(code) == code} == {}


def test_what_the_pages_of_the_sites_record_has_a_label() -> None:
    codes = [
        f"{model._meta.model_name}.{change}"
        for site, changes in (
            (organization_site, ("created", "changed", "deleted")),
            (platform_site, ("added", "changed", "deleted")),
        )
        for model in site._registry
        for change in changes
    ]
    codes += ["organization.founded", "organization.suspended", "organization.resumed"]
    codes += ["user.signed_out", "accessattempt.reset"]
    assert [code for code in codes if action_label(code) == code] == []


def test_an_entry_names_colleagues_and_choices(world: World, browser: Browser) -> None:
    world.message("我的快递到哪了?")
    by = world.access("alice")
    with world.transaction():
        conversation = Conversation.objects.get()
        audit.record(
            "conversation.released",
            conversation,
            by,
            staff=world.carol.pk,
            ending="vanished",
        )
        entry = AuditEntry.objects.get(action="conversation.released")
    client = browser(world.alice)
    for address in ("/admin/", "/admin/helpdesk/auditentry/"):
        page = client.get(address).content.decode()
        assert "Conversation put back into the queue" in page
        assert f"Colleague: {world.carol.label}; How it ended: owner was away" in page
    page = client.get(f"/admin/helpdesk/auditentry/{entry.pk}/change/").content.decode()
    assert f"Conversation C-{conversation.pk}" in page
    assert "AuditEntry object" not in page
    with translation.override("zh-hans"):
        assert str(entry) == "会话退回队列"


def test_the_trail_reads_its_names_in_one_query(
    world: World, browser: Browser, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    client = browser(world.alice)
    with world.transaction():
        for person in (world.alice, world.carol, world.frank):
            for _time in range(5):
                audit.record("staff.activated", person, staff=person.pk)
    client.get("/admin/helpdesk/auditentry/")
    with django_assert_max_num_queries(16):  # type: ignore[attr-defined]
        client.get("/admin/helpdesk/auditentry/")

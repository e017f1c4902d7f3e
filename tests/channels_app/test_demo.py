"""The demo companies: complete, lawful, in both languages, and only where nobody from outside signs in."""

import json
import stat
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from channels_app.demo import content
from channels_app.demo.accounts import accounts_file
from helpdesk.models import (
    OPEN,
    Assignment,
    Conversation,
    Entry,
    Escalation,
    FocusTime,
    Mention,
    Organization,
    Rating,
    Snippet,
    Staff,
    StaffSkill,
    Topic,
    TopicExample,
    Transfer,
    User,
    WorkingPeriod,
)
from helpdesk.registries import invariant_checks
from helpdesk.services import lending
from helpdesk.services.calendars import with_calendars
from helpdesk.tenancy import all_organizations, organization_transaction, platform_transaction
from routing.models import Decision


@pytest.fixture
def home(tmp_path: Path, settings, transactional_db) -> Path:
    settings.HOME, settings.IS_LOOPBACK = tmp_path, True
    return tmp_path


@pytest.fixture
def heguang(home: Path) -> int:
    call_command("demo")
    return _organization("heguang")


def _organization(slug: str) -> int:
    with platform_transaction():
        return Organization.objects.get(slug=slug).pk


def test_the_demo_is_complete_lawful_and_recent(heguang):
    with organization_transaction(heguang):
        assert Staff.objects.count() == 24
        assert Topic.objects.count() == 30
        assert Snippet.objects.count() == 60
        assert Conversation.objects.exclude(channel__kind="mail").count() == 300
        assert Conversation.objects.filter(channel__kind="mail").count() == 3
        # Whoever one can sign in as works at any hour.
        bound = 24 - len(content.heguang()["accounts"])
        assert WorkingPeriod.objects.values("staff").distinct().count() == bound
        # A salesperson lends a share of the day and has some of it left; an engineer has focus time.
        lending_people = lending.lenders(with_calendars(Staff.objects.all()))
        shares = lending.lent(lending_people, timezone.now())
        assert [one.percent for one in lending_people] == [10]
        [share] = shares.values()
        assert share.total_minutes == 48
        assert share.spent_minutes < 40
        assert FocusTime.objects.values("staff").distinct().count() == 1
        assert StaffSkill.objects.values("staff").distinct().count() == 24
        for model in (Escalation, Mention, Rating, Transfer):
            assert model.objects.exists()
        states = set(Conversation.objects.values_list("state", flat=True))
        assert states >= {"queued", "open", "waiting", "snoozed", "resolved", "closed"}
        assert set(Conversation.objects.values_list("language", flat=True)) - {""} == {"zh", "en"}
        assert not Entry.objects.filter(at__gt=timezone.now()).exists()
        for language in ("zh-hans", "en"):
            examples = TopicExample.objects.filter(language=language)
            assert examples.values("topic").distinct().count() == 30
        given = Assignment.objects.filter(ended_at__isnull=True, mode="automatic")
        explained = set(Decision.objects.values_list("conversation_id", "staff_id"))
        assert set(given.values_list("conversation_id", "staff_id")) == explained
        assert len(explained) >= 10
        told = list(
            Entry.objects.order_by("conversation_id", "number").values_list("conversation", "at")
        )
        assert told == sorted(told)
        age = timezone.now() - Conversation.objects.order_by("opened_at")[0].opened_at
        assert 50 < age.days < 70
    for organization_id in all_organizations():
        with organization_transaction(organization_id):
            assert Conversation.objects.filter(OPEN).exists()
            for name, check in invariant_checks.items():
                assert not list(check.violations()), name


def test_the_second_time_adds_nothing_and_keeps_the_passwords(heguang):
    accounts = accounts_file().read_text()
    with organization_transaction(heguang):
        before = Entry.objects.count()
    call_command("demo")
    with organization_transaction(heguang):
        assert Entry.objects.count() == before
    assert accounts_file().read_text() == accounts


def test_every_account_in_the_private_file_signs_in(heguang, home):
    assert stat.S_IMODE(accounts_file().stat().st_mode) == 0o600
    accounts = json.loads((home / "demo_accounts.json").read_text())
    for account in accounts:
        assert set(account) == {"login", "password", "role", "organization"}
        assert User.objects.get(email=account["login"]).check_password(account["password"])
    roles = [account["role"] for account in accounts]
    assert {"administrator", "supervisor", "platform administrator"} <= set(roles)
    assert {"Support", "Sales", "R&D", "Admin"} <= set(roles)
    assert {"Heguang", "Beiyu Coffee"} <= {account["organization"] for account in accounts}
    assert User.objects.filter(is_superuser=True).count() == 1


def test_no_demo_where_the_pages_are_reached_from_outside(home, settings):
    settings.IS_LOOPBACK = False
    with pytest.raises(CommandError, match="loopback"):
        call_command("demo")
    assert not User.objects.exists()
    assert not accounts_file().exists()


def test_everything_the_organization_names_is_in_both_languages():
    for company in content.companies():
        for kind in ("departments", "positions", "skills", "roles", "staff", "channels", "topics"):
            for facts in company[kind]:
                assert facts["name"], facts
                assert facts["name_en"].isascii(), facts
        for _, *texts, _ in company["snippets"]:
            title, title_en, text, text_en = texts
            assert title
            assert text
            assert title_en.isascii(), title_en
            assert text_en.isascii(), text_en
        for topic in company["topics"]:
            assert 4 <= len(topic["examples"]) <= 8
            assert 4 <= len(topic["examples_en"]) <= 8
            assert topic["keywords"]
            assert topic["keywords_en"]

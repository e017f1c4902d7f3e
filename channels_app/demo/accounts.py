"""The demo's accounts: passwords made for this installation and kept in one private file."""

import json
import os
import secrets
from pathlib import Path
from typing import TypedDict

from django.conf import settings

from channels_app.demo.content import CompanyText, companies, login_of
from helpdesk.models import User

FILE = "demo_accounts.json"
PLATFORM_LOGIN = "platform@everydesk.example"
# Without letters and digits that are mistaken for one another.
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


class Account(TypedDict):
    login: str
    password: str
    role: str
    organization: str


def accounts_file() -> Path:
    """Return where the accounts of this installation are written."""
    return Path(settings.HOME) / FILE


def ensure_accounts() -> list[Account]:
    """Return the demo accounts, with the passwords in the file where they still work.

    The file is written, readable by its owner only, when an account is missing in it.
    """
    known = {account["login"]: account for account in _stored()}
    accounts = [_with_password(wanted, known) for wanted in _wanted()]
    if accounts != list(known.values()):
        _write(accounts)
    return accounts


def _wanted() -> list[Account]:
    platform = Account(
        login=PLATFORM_LOGIN, password="", role="platform administrator", organization=""
    )
    return [*(account for text in companies() for account in _of_company(text)), platform]


def _of_company(text: CompanyText) -> list[Account]:
    staff = {facts["key"]: facts for facts in text["staff"]}
    departments = {facts["key"]: facts["name_en"] for facts in text["departments"]}
    found = []
    for key in text["accounts"]:
        facts = staff[key]
        named = {"administrator", "supervisor"}
        role = facts["role"] if facts["role"] in named else departments[facts["department"]]
        organization = text["organization"]["name_en"]
        found.append(
            Account(login=login_of(facts, text), password="", role=role, organization=organization)
        )
    return found


def _with_password(wanted: Account, known: dict[str, Account]) -> Account:
    user = _user(wanted["login"])
    password = known.get(wanted["login"], wanted)["password"]
    if not password or not user.check_password(password):
        password = "-".join(_letters() for _ in range(3))
        user.set_password(password)
        user.save(update_fields=["password"])
    return Account(**{**wanted, "password": password})


def _user(login: str) -> User:
    if login != PLATFORM_LOGIN:
        return User.objects.get(email=login)
    user, _ = User.objects.get_or_create(
        email=login,
        defaults={"name": "Platform", "is_staff": True, "is_superuser": True, "language": "en"},
    )
    return user


def _letters() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(4))


def _stored() -> list[Account]:
    try:
        accounts: list[Account] = json.loads(accounts_file().read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return accounts


def _write(accounts: list[Account]) -> None:
    """Replace the file in one step; nobody else can read it at any moment."""
    target = accounts_file()
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(f".{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(accounts, stream, ensure_ascii=False, indent=1)
    fresh.replace(target)

"""Every address with every id of somebody else's: the answer is the one for an id that does not exist."""

import hashlib
import json
import re
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connections
from django.http import HttpResponse
from django.test import Client

from helpdesk.models import OrganizationModel
from tests.security.addresses import Address, addresses
from tests.security.worlds import CANARY, INSIDERS, STRANGERS, Furnished, model_of, value_of

pytestmark = pytest.mark.xdist_group("foreign ids")

# Doors that are open to everybody who knows the public id: it stands in the widget's tag on a web page.
OPEN_DOORS = {"channels:receive", "channels:upload"}
REFUSALS = {400, 401, 403, 404, 405}
NOISE = re.compile(r"\b[A-Za-z0-9]{64}\b|nonce-[\w+/=]+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}|\d+")
# What belongs to one conversation; everybody in the organization may see the rest of it or asks for a role.
OF_CONVERSATION = {"conversation", "attachment", "transfer", "escalation", "offer", "decision"}


def ids_of(address: Address) -> list[str]:
    return [name for name in address.arguments if model_of(address, name) is not None]


def fillings(address: Address, own: Furnished, other: Furnished | None) -> Iterator[dict]:
    """Yield the arguments with every id foreign (or absent), then with one foreign and the rest own."""
    strange = {name: value_of(address, name, other) for name in address.arguments}
    yield strange
    ids = [name for name in ids_of(address) if name != "content_type_id"]
    if len(ids) > 1:
        mine = {name: value_of(address, name, own) for name in address.arguments}
        yield from ({**mine, name: strange[name]} for name in ids)


def call(client: Client, method: str, path: str) -> HttpResponse:
    if path.startswith("/api/"):
        body = {"direction": "note", "text": "x"} if "/messages/" in path else {"name": "x"}
        sent = "" if method == "GET" else json.dumps(body)
        return client.generic(method, path, sent, content_type="application/json")
    if method == "HTMX":
        return client.get(path, headers={"HX-Request": "true"})
    return client.generic(method, path)


def methods_of(path: str) -> tuple[str, ...]:
    if path.startswith("/api/"):
        return ("GET", "POST", "PATCH", "DELETE")
    return (
        ("GET", "POST") if path.startswith(("/admin/", "/platform/")) else ("GET", "HTMX", "POST")
    )


def answer(client: Client, method: str, path: str) -> tuple[int, str, str]:
    """Return status, place of a redirect and body, without what differs between any two answers."""
    response = call(client, method, path)
    if re.fullmatch(r"/(admin|platform)/[\w/]+/change/", response.headers.get("Location", "")):
        response = call(client, method, response.headers["Location"])  # the admin's old addresses
    body = b"".join(response.streaming_content) if response.streaming else response.content
    location = NOISE.sub("#", response.headers.get("Location", ""))
    return response.status_code, location, NOISE.sub("#", body.decode(errors="replace"))


def is_refused(status: int, location: str) -> bool:
    return status in REFUSALS or (status == 302 and ("sign-in" in location or "login" in location))


def differences(client: Client, own: Furnished, other: Furnished, address: Address) -> list[str]:
    """Return how the answers to foreign ids differ from those to absent ones, or give something away."""
    wrong = []
    both = zip(fillings(address, own, other), fillings(address, own, None), strict=True)
    for foreign, absent in both:
        path = address.filled(foreign)
        for method in methods_of(path):
            got = answer(client, method, path)
            expected = answer(client, method, address.filled(absent))
            if got != expected:
                wrong.append(f"{method} {path}: {got[:2]} instead of {expected[:2]}")
            elif CANARY in got[2] or not is_refused(*got[:2]):
                wrong.append(f"{method} {path}: {got[:2]}")
    return wrong


def fingerprint(place: Furnished) -> dict[str, str]:
    """Return a hash of every table of the organization, but for when somebody was last seen."""
    found = {}
    with place.world.transaction(), connections["default"].cursor() as cursor:
        for model in apps.get_models():
            if issubclass(model, OrganizationModel) and not model._meta.proxy:
                table = model._meta.db_table
                cursor.execute(
                    f"SELECT coalesce(json_agg(t ORDER BY 1::text), '[]') FROM \"{table}\" t"
                )
                rows = cursor.fetchone()[0]
                text = json.dumps(sorted(json.dumps(row, sort_keys=True) for row in rows))
                text = re.sub(r'"(last_used_at|seen_at|lease_until)": "[^"]*"', "", text)
                found[table] = hashlib.sha256(text.encode()).hexdigest()
    return found


def test_every_argument_of_every_address_can_be_filled(two):
    own, _other = two
    unknown = []
    for address in addresses():
        try:
            {name: value_of(address, name, own) for name in address.arguments}
        except LookupError as error:
            unknown.append(str(error))
    assert not unknown


@pytest.mark.parametrize("name", STRANGERS)
def test_ids_of_another_organization_answer_like_absent_ones(two, name):
    own, other = two
    before = fingerprint(other)
    client = STRANGERS[name](own, other)
    if name == "deactivated member":
        before = fingerprint(other)
    wrong = []
    for address in addresses():
        if ids_of(address) and address.name not in OPEN_DOORS:
            wrong += differences(client, own, other, address)
    assert not wrong
    assert fingerprint(other) == before


@pytest.mark.parametrize("name", INSIDERS)
def test_what_a_department_holds_is_absent_for_others(two, name):
    own, other = two
    client, wrong, tried = INSIDERS[name](own, other), [], 0
    for address in addresses():
        kinds = {model_of(address, argument)._meta.model_name for argument in ids_of(address)}
        if kinds & OF_CONVERSATION and address.name.startswith(("portal:", "routing:")):
            tried += 1
            wrong += differences(client, own, other, address)
    assert tried > 15
    assert not wrong


@pytest.mark.parametrize("name", [*STRANGERS, *INSIDERS])
def test_pages_without_ids_show_nothing_of_others(two, name):
    own, other = two
    client = (STRANGERS | INSIDERS)[name](own, other)
    leaking = []
    for address in addresses():
        if (
            not address.arguments
            and "sign-out" not in address.path
            and "logout" not in address.path
        ):
            status, _location, body = answer(client, "GET", address.path)
            if f"{CANARY}-theirs" in body or status >= 500:
                leaking.append(f"{address.path}: {status}")
    assert not leaking

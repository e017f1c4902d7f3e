"""Customers are found by a part of their name, in any script, through an index and within the organization."""

import json

import pytest
from django.db import connections
from psycopg import sql

from deploy.test_databases import owner_connection
from helpdesk.models import Customer
from helpdesk.portal.rows import _found
from helpdesk.reports.customer_search import customers_named
from helpdesk.tenancy import SETTING
from tests.factories import World

MANY = 6_000


def add(world: World, name: str, company: str = "") -> int:
    with world.transaction():
        return int(Customer.objects.create(name=name, company=company).pk)


def found(world: World, wanted: str) -> list[int]:
    with world.transaction():
        return customers_named(wanted)


@pytest.mark.parametrize(
    ("name", "company", "wanted"),
    [
        ("林晓岚", "", "林"),
        ("林晓岚", "", "晓岚"),
        ("林晓岚", "禾光智能科技", "光智能"),
        ("Oliver Müller", "", "liver mü"),
        ("Oliver Müller", "", "OLIVER"),
        ("Ｌｉｎ", "", "lin"),
        ("100%_\\'\"", "", "%_\\'"),
        ("Ann", "", "n"),
    ],
)
def test_a_part_of_the_name_finds(world: World, name: str, company: str, wanted: str) -> None:
    add(world, "somebody else", "elsewhere")
    expected = add(world, name, company)
    assert found(world, wanted) == [expected]


@pytest.mark.parametrize("wanted", ["岚晓", "晓林", "silver", "olivermü", "", " ", "%", "_"])
def test_what_no_name_contains_finds_nobody(world: World, wanted: str) -> None:
    add(world, "林晓岚", "Oliver Müller")
    add(world, "")
    assert found(world, wanted) == []


def test_the_newest_come_first_and_no_more_than_asked(world: World) -> None:
    made = [add(world, f"Ann {number}") for number in range(5)]
    with world.transaction():
        assert customers_named("ann", most=3) == made[:-4:-1]


def test_nobody_of_another_organization_is_found(world: World, other_world: World) -> None:
    mine, theirs = add(world, "林晓岚"), add(other_world, "林晓岚")
    assert found(world, "晓岚") == [mine]
    assert found(other_world, "晓岚") == [theirs]


def test_a_search_in_the_portal_shows_only_what_one_may_see(world: World) -> None:
    received = world.message("怎么退货")
    with world.transaction():
        Customer.objects.update(name="林晓岚")
        for name, seen in (("carol", [received.conversation_id]), ("erin", [])):
            rows = _found(world.access(name), "晓岚")
            assert list(rows.values_list("pk", flat=True)) == seen


def test_the_search_uses_the_index(world: World, other_world: World) -> None:
    for one in (world, other_world):
        with one.transaction():
            Customer.objects.bulk_create(
                Customer(name=f"客户 {number} Number{number}") for number in range(MANY // 2)
            )
    wanted = add(world, "林晓岚")
    plan = plan_of_search(world, "晓岚")
    scans = [node["Index Name"] for node in nodes(plan) if "Index Name" in node]
    assert scans == ["customer_names"]
    read = sum(node["Actual Rows"] for node in nodes(plan) if node.get("Index Name"))
    assert read == 1
    assert found(world, "晓岚") == [wanted]


def plan_of_search(world: World, text: str) -> dict[str, object]:
    """Return the plan of what the function does, as the role that owns it."""
    database = str(connections["default"].settings_dict["NAME"])
    with owner_connection(database) as owner:
        owner.execute("VACUUM ANALYZE helpdesk_customer")
        [(body, role)] = owner.execute(
            "SELECT prosrc, pg_get_userbyid(proowner) FROM pg_proc WHERE proname = 'everydesk_customers_named'"
        ).fetchall()
        owner.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        owner.execute("SELECT set_config(%s, %s, false)", [SETTING, str(world.organization.pk)])
        owner.execute(
            "PREPARE search (text, integer) AS "
            + body.replace("wanted", "$1").replace("most", "$2")
        )
        owner.execute("SET plan_cache_mode = force_generic_plan")
        explained = owner.execute(
            sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE search ({}, 500)").format(
                sql.Literal(text)
            )
        ).fetchall()
    plan = explained[0][0]
    return (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]


def nodes(plan: dict) -> list[dict]:
    return [plan, *(below for child in plan.get("Plans", ()) for below in nodes(child))]

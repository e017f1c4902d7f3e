"""A prepared query answers each organization and each call like one that is written anew."""

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F, Q, Value
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.errors import NoOrganizationScope
from helpdesk.models import Customer, Department, Staff
from helpdesk.prepared import OneOf, prepared
from helpdesk.tenancy import organization_scope, organization_transaction
from tests.factories import World


@prepared
def staff_named(name):
    return Staff.objects.filter(name=name).select_related("department").order_by("id")


@prepared
def names_in(departments):
    rows = Staff.objects.filter(Q(OneOf("department_id", departments))).order_by("name")
    return rows.annotate(twice=Value(2)).values_list("twice", "name", "department__name")


@pytest.fixture
def hurried_threads():
    """Have threads take turns in the middle of everything."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def names(organization_id):
    with organization_transaction(organization_id):
        return list(Staff.objects.order_by("name").values_list("name", flat=True))


def test_each_organization_sees_its_own_rows_through_the_same_query(
    world: World, other_world: World
):
    for one, other in [(world, other_world), (other_world, world)] * 2:
        with organization_transaction(one.organization.pk):
            found = [staff for name in names_of(one) for staff in staff_named(name)]
            assert {staff.organization_id for staff in found} == {one.organization.pk}
            departments = list(Department.objects.values_list("pk", flat=True))
        with organization_transaction(other.organization.pk):
            assert names_in(departments) == []


def names_of(world):
    return list(Staff.objects.values_list("name", flat=True))


def test_rows_are_those_of_the_query_written_anew(world: World):
    with organization_transaction(world.organization.pk):
        departments = list(Department.objects.values_list("pk", flat=True))
        for chosen in ([], departments[:1], departments):
            anew = Staff.objects.filter(department_id__in=chosen).order_by("name")
            expected = anew.annotate(twice=Value(2)).values_list(
                "twice", "name", "department__name"
            )
            assert names_in(chosen) == list(expected)


def test_related_rows_come_along_in_one_query(world: World):
    with organization_transaction(world.organization.pk):
        name = Staff.objects.values_list("name", flat=True)[0]
        staff_named(name)
        with CaptureQueriesContext(connection) as asked:
            assert staff_named(name)[0].department.name
        assert len(asked) == 1


def test_a_row_can_be_changed_and_saved(world: World):
    with organization_transaction(world.organization.pk):
        found = staff_named(Staff.objects.values_list("name", flat=True)[0])[0]
        found.name = "Someone else"
        found.save(update_fields=["name"])
        assert staff_named("Someone else") == [found]


def test_nothing_is_asked_outside_the_transaction_of_an_organization(world: World):
    with pytest.raises(NoOrganizationScope):
        staff_named("Somebody")
    with organization_scope(world.organization.pk), pytest.raises(NoOrganizationScope):
        staff_named("Somebody")


def test_a_query_that_would_keep_the_time_is_refused(world: World):
    @prepared
    def lately(name):
        since = timezone.now() - timedelta(days=1)
        return Customer.objects.filter(name=name, created_at__gte=since)

    with organization_transaction(world.organization.pk), pytest.raises(TypeError, match="keep"):
        lately("Somebody")


def test_a_value_too_few_or_too_many_is_a_mistake(world: World):
    with organization_transaction(world.organization.pk):
        for values in [(), ("a", "b")]:
            with pytest.raises(ValueError):
                staff_named(*values)


def test_threads_ask_side_by_side_each_on_its_own_connection(
    world: World, other_world: World, hurried_threads: None
):
    wanted = {one.organization.pk: names(one.organization.pk) for one in (world, other_world)}

    def ask(organization_id):
        try:
            with organization_transaction(organization_id):
                departments = Department.objects.values_list("pk", flat=True)
                return organization_id, [row[1] for row in names_in(list(departments))]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for organization_id, found in pool.map(ask, list(wanted) * 400):
            assert found == wanted[organization_id]


def test_columns_are_compared_with_each_other_too(world: World):
    @prepared
    def same(department_id):
        return Staff.objects.filter(department_id=department_id, name=F("name"))

    with organization_transaction(world.organization.pk):
        first = Department.objects.order_by("pk")[0].pk
        assert len(same(first)) == Staff.objects.filter(department_id=first).count()

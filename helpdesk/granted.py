"""What is granted to people, read for many of them at once: as many queries as for one."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from helpdesk import permissions
from helpdesk.models import Department, RoleGrant, RoleTopic, Topic
from helpdesk.trees import subtrees

# Permission -> the objects on which it holds.
Held = dict[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class Answering:
    """Departments in which these topics may be answered; `topics` None means every topic."""

    departments: frozenset[int]
    topics: frozenset[int] | None


def derived(
    model: Any, user_ids: Collection[int]
) -> dict[int, Held]:  # Any: one of guardian's models
    """Return what each user holds on the objects of one kind; nothing is said of who holds nothing."""
    found: dict[int, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    rows = model.objects.filter(user_id__in=user_ids).order_by()
    for user_id, codename, object_id in rows.values_list(
        "user_id", "permission__codename", "content_object_id"
    ):
        found[user_id][codename].add(object_id)
    same: dict[frozenset[int], frozenset[int]] = {}
    return {
        user_id: {
            codename: same.setdefault(ids := frozenset(objects), ids)
            for codename, objects in held.items()
        }
        for user_id, held in found.items()
    }


def answering(staff_ids: Collection[int]) -> dict[int, tuple[Answering, ...]]:
    """Return where and on what each of the people may answer by their roles, in the order of the grants."""
    grants = RoleGrant.objects.filter(staff_id__in=staff_ids).order_by("id")
    rows = grants.values_list(
        "staff_id", "role_id", "department_id", "role__permissions", "role__answers_all_topics"
    )
    answerers = [
        (staff_id, role_id, department_id, answers_all)
        for staff_id, role_id, department_id, granted, answers_all in rows
        if permissions.CONVERSATION_REPLY in granted
    ]
    if not answerers:
        return {}
    departments = subtrees(Department.objects.values_list("id", "parent_id"))
    topics = _topics({role_id for _staff, role_id, *_rest in answerers})
    same: dict[Answering, Answering] = {}
    found: dict[int, tuple[Answering, ...]] = defaultdict(tuple)
    for staff_id, role_id, department_id, answers_all in answerers:
        one = Answering(
            frozenset(departments.get(department_id, ())),
            None if answers_all else topics.get(role_id, frozenset()),
        )
        found[staff_id] += (same.setdefault(one, one),)
    return dict(found)


def _topics(role_ids: Iterable[int]) -> dict[int, frozenset[int]]:
    """Return the topics that each role answers, with those below."""
    below = subtrees(Topic.objects.values_list("id", "parent_id"))
    named: dict[int, set[int]] = defaultdict(set)
    rows = RoleTopic.objects.filter(role_id__in=role_ids).order_by()
    for role_id, topic_id in rows.values_list("role_id", "topic_id"):
        named[role_id].update(below.get(topic_id, ()))
    return {role_id: frozenset(topic_ids) for role_id, topic_ids in named.items()}

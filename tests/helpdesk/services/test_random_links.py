"""Whatever is merged, split, written and undone in whatever order: no row of the history ever changes or goes."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpdesk.errors import HelpdeskError
from helpdesk.models import Conversation, ConversationLink, Customer, Message
from helpdesk.services import assignment, joining, lifecycle, parting, replying
from tests.factories import World
from tests.helpdesk.services.links import history, kept, open_door

THREADS = "abc"
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "write",
                "write",
                "reply",
                "take",
                "resolve",
                "snooze",
                "merge",
                "split",
                "undo",
                "undo",
            ]
        ),
        st.integers(0, 9),
        st.integers(0, 9),
        st.booleans(),
    ),
    min_size=8,
    max_size=24,
)


def ids(world: World, model: Any) -> list[int]:
    with world.transaction():
        return list(model.objects.order_by("pk").values_list("pk", flat=True))


def step(world: World, what: str, one: int, other: int, flag: bool) -> None:
    """Do one thing, if it may be done."""
    by = world.access("bob" if flag else "carol")
    found, links = ids(world, Conversation), ids(world, ConversationLink)
    pk, second = (found[each % len(found)] for each in (one, other)) if found else (0, 0)
    acts = {
        "write": lambda: world.message(f"{one}?", thread_key=THREADS[one % len(THREADS)]),
        "reply": lambda: replying.reply(by, pk, text="answer"),
        "take": lambda: assignment.take(by, pk),
        "resolve": lambda: lifecycle.resolve(by, pk),
        "snooze": lambda: lifecycle.snooze(by, pk, timezone.now() + timedelta(days=1)),
        "merge": lambda: joining.merge(by, pk, second),
        "split": lambda: parting.split(by, pk, since=other + 1, keeps=flag),
        "undo": lambda: _undo(by, links, one),
    }
    with suppress(HelpdeskError):  # not now
        acts[what]()


def _undo(by: Any, links: list[int], one: int) -> None:
    if not links:
        return
    link_id = links[-1 - one % len(links)]
    try:
        joining.undo(by, link_id)
    except HelpdeskError:
        parting.undo(by, link_id)


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_no_order_of_steps_loses_or_changes_anything(world: World, steps: Any) -> None:
    open_door(world, f"door {timezone.now().timestamp()}")
    world.message("begin", thread_key="a")
    for what, one, other, flag in steps:
        before = history(world)
        step(world, what, one, other, flag)
        assert kept(before, history(world)), (what, one, other, flag)
    call_command("check_invariants", verbosity=0)
    with world.transaction():
        assert Customer.objects.exists()
        assert Message.objects.filter(conversation__isnull=False).exists()

"""The router as the process it is: woken, stopped in order, and replaced when it was killed."""

import signal
import time
from collections.abc import Callable

from django.utils import timezone

from helpdesk.models import Conversation, Staff
from routing.models import Offer, Policy, RouterLease
from tests.factories import World
from tests.processes import running

PATIENCE_SECONDS = 60.0
# So long that whatever happens in a test does not come from looking by itself.
NEVER = "600"


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def is_owned(world: World, visitor: str) -> bool:
    with world.transaction():
        return Conversation.objects.filter(
            identity__external_id=visitor, owner__isnull=False
        ).exists()


def holder(world: World) -> str:
    """Return the process that holds the lease which still runs, as a number in a text."""
    with world.transaction():
        lease = RouterLease.objects.filter(until__gt=timezone.now()).first()
    return lease.holder.split(":")[1] if lease else ""


def test_a_message_wakes_the_router_long_before_it_would_look(world: World) -> None:
    world.message("怎么退货", "before")
    with running("run_router", "--longest-pause", NEVER):
        eventually(lambda: is_owned(world, "before"))
        world.message("怎么退货", "after")
        eventually(lambda: is_owned(world, "after"))


def test_sigterm_ends_it_in_order_and_gives_the_lease_back(world: World) -> None:
    world.message("怎么退货")
    with running("run_router") as router:
        eventually(lambda: holder(world) == str(router.pid))
        router.send_signal(signal.SIGTERM)
        assert router.wait(PATIENCE_SECONDS) == 0
    with world.transaction():
        assert not RouterLease.objects.exists()


def test_another_router_takes_over_from_one_that_was_killed(world: World) -> None:
    world.message("怎么退货", "v1")
    with running("run_router") as first:
        eventually(lambda: holder(world) == str(first.pid))
        with running("run_router") as second:
            first.kill()
            first.wait()
            world.message("怎么退货", "v2")
            eventually(lambda: is_owned(world, "v2"))
            assert holder(world) == str(second.pid)
            with world.transaction():
                assert RouterLease.objects.get().fence == 2


def set_mode(world: World, mode: str) -> None:
    with world.transaction():
        Policy.objects.update_or_create(department=None, defaults={"mode": mode})


def is_placed(world: World, visitor: str, mode: str) -> bool:
    if mode == "automatic":
        return is_owned(world, visitor)
    with world.transaction():
        return Offer.objects.filter(conversation__identity__external_id=visitor).exists()


def test_two_processes_follow_a_change_of_the_policy_within_five_seconds(world: World) -> None:
    with world.transaction():
        Staff.objects.update(capacity=9)
    with running("run_router") as one, running("run_router") as other:
        routers = {str(one.pid): one, str(other.pid): other}
        for turn in ("first", "second"):
            # Nobody holds the lease before there is work.
            world.message("怎么退货", turn)
            eventually(lambda: holder(world) in routers)
            for mode in ("automatic", "offer"):
                visitor = f"{turn}-{mode}"
                set_mode(world, mode)
                changed_at = time.monotonic()
                world.message("怎么退货", visitor)
                eventually(lambda at=visitor, by=mode: is_placed(world, at, by))
                assert time.monotonic() - changed_at < 5.0
            routers.pop(holder(world)).send_signal(signal.SIGTERM)

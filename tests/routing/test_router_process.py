"""The router as the process it is: woken, stopped in order, and replaced when it was killed."""

import signal
import time
from collections.abc import Callable

from django.utils import timezone

from helpdesk.models import Conversation
from routing.models import RouterLease
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

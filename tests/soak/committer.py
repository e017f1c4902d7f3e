"""One router without a lease, as a process: `python -m tests.soak.committer ORGANIZATION [planted]`.

It says when it is ready and begins when it is told to, so that all begin together.
"""

import random
import sys
import time
from collections.abc import Iterable, Sequence

import django

django.setup()

from helpdesk.models import Staff  # noqa: E402  (apps are loaded only now)
from helpdesk.services import holding  # noqa: E402
from routing import engine, queued  # noqa: E402

EVERYBODY = 10_000
# So long that the others look meanwhile, however unevenly they begin.
THINKING_SECONDS = 2.0


def only_look(staff_ids: Iterable[int]) -> dict[int, Staff]:
    """Look, think, act: what the lock on the people's rows is there to replace."""
    people = {staff.pk: staff for staff in Staff.objects.filter(pk__in=list(staff_ids))}
    time.sleep(THINKING_SECONDS)
    return people


def main(organization_id: int, *, is_planted: bool) -> None:
    """Route until nothing more can be placed."""
    if is_planted:
        holding.lock_receivers = only_look
    # Each takes others of those that wait: on the same ones they would race for rows and not for slots.
    heads = queued.urgent_first

    def any_of_them(keys: Sequence[str], most: int) -> list[int]:
        found = heads(keys, EVERYBODY)
        return random.sample(found, min(most, len(found)))

    queued.urgent_first = queued.oldest_first = any_of_them
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    idle = 0
    while idle < 20:
        idle = 0 if engine.route(organization_id).placed else idle + 1
        time.sleep(0.05 if idle else 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), is_planted="planted" in sys.argv[2:])

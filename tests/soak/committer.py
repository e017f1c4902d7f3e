"""One router without a lease, as a process: `python -m tests.soak.committer ORGANIZATION [planted]`."""

import sys
import time
from collections.abc import Iterable

import django

django.setup()

from helpdesk.models import Staff  # noqa: E402  (apps are loaded only now)
from helpdesk.services import holding  # noqa: E402
from routing import engine  # noqa: E402


def only_look(staff_ids: Iterable[int]) -> dict[int, Staff]:
    """Look, think, act: what the lock on the people's rows is there to replace."""
    people = {staff.pk: staff for staff in Staff.objects.filter(pk__in=list(staff_ids))}
    time.sleep(0.002)
    return people


def main(organization_id: int, *, is_planted: bool) -> None:
    """Route until nothing more can be placed."""
    if is_planted:
        holding.lock_receivers = only_look
    idle = 0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while idle < 3:
        idle = 0 if engine.route(organization_id).placed else idle + 1


if __name__ == "__main__":
    main(int(sys.argv[1]), is_planted="planted" in sys.argv[2:])

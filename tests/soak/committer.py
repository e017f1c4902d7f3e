"""One router without a lease, as a process: `python -m tests.soak.committer ORGANIZATION [planted]`."""

import sys
import time
from decimal import Decimal

import django

django.setup()

from django.db.models import F  # noqa: E402  (apps are loaded only now)

from helpdesk.models import Staff  # noqa: E402
from helpdesk.services import assignment  # noqa: E402
from routing import engine  # noqa: E402


def check_then_act(staff_id: int, weight: Decimal, *, above_capacity: bool = False) -> bool:
    """Look, think, act: what the guarded UPDATE is there to replace."""
    staff = Staff.objects.get(pk=staff_id)
    if staff.load + weight > staff.capacity:
        return False
    time.sleep(0.002)
    Staff.objects.filter(pk=staff_id).update(load=F("load") + weight)
    return True


def main(organization_id: int, *, is_planted: bool) -> None:
    """Route until nothing more can be placed."""
    if is_planted:
        assignment.occupy = check_then_act
    idle = 0
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while idle < 3:
        idle = 0 if engine.route(organization_id).placed else idle + 1


if __name__ == "__main__":
    main(int(sys.argv[1]), is_planted="planted" in sys.argv[2:])

"""What may not change while an experiment runs, and the lock under which experiments begin and end."""

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from helpdesk.errors import WrongState
from helpdesk.tenancy import current_organization_id
from routing.models import Experiment, Policy


def lock() -> None:
    """Hold the lock of all experiments of the organization until the transaction ends; before any row's."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtext('everydesk.experiments'), %s)",
            [current_organization_id() % 2**31],
        )


def check_change(department_id: int | None, *, is_new: bool = False) -> None:
    """Raise WrongState for a change of a policy that a running experiment compares with.

    The comparison is with one policy from its first slice to its last: a change would make days of it
    worthless, and that should be somebody's choice, made by stopping it. Under an experiment of the whole
    organization no department may get or lose a policy of its own either, since that moves it in or out.
    None can begin until the transaction ends.
    """
    lock()
    rows = Experiment.objects.filter(state=Experiment.State.RUNNING)
    running = {row.department_id: row for row in rows}
    now = timezone.now()
    for where, experiment in running.items():
        is_touched = where == department_id or (
            where is None and is_new and department_id is not None
        )
        if department_id is None and where is not None:
            own = Policy.objects.filter(department_id=where).exists()
            is_touched |= not own
        if is_touched and now < experiment.plan.ends_at:
            raise WrongState(
                _("The experiment %(name)s compares with this policy. Stop it first.")
                % {"name": experiment.name}
            )

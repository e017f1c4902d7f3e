"""Which topics ask for an exam, and until when somebody's exams count."""

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

from helpdesk.models import Exam, Topic

FAR = datetime(9999, 1, 1, tzinfo=UTC)


def required() -> dict[int, int]:
    """Return the topics that ask for an exam, and of which skill."""
    return dict(Topic.objects.filter(needs_exam=True).values_list("id", "skill_id"))


def certified(
    staff_ids: Collection[int], skills: Collection[int]
) -> dict[int, dict[int, datetime]]:
    """Return by person and skill until when exams count: the newest of each skill, when it was passed."""
    found: dict[int, dict[int, datetime]] = defaultdict(dict)
    if skills:
        rows = Exam.objects.filter(staff_id__in=staff_ids, skill_id__in=skills)
        newest = rows.order_by("staff_id", "skill_id", "-taken_on", "-id")
        for exam in newest.distinct("staff_id", "skill_id"):
            if exam.is_passed:
                end = _end_of(exam.valid_until) if exam.valid_until else FAR
                found[exam.staff_id][exam.skill_id] = end
    return dict(found)


def _end_of(day: date) -> datetime:
    """Return when a day is over everywhere."""
    return datetime.combine(day, time(12), UTC) + timedelta(days=1)

"""Which topics ask for an exam, and until when somebody's exams count."""

from datetime import UTC, date, datetime, time, timedelta

from helpdesk.models import Exam, Topic

FAR = datetime(9999, 1, 1, tzinfo=UTC)


def required() -> dict[int, int]:
    """Return the topics that ask for an exam, and of which skill."""
    return dict(Topic.objects.filter(needs_exam=True).values_list("id", "skill_id"))


def certified(staff_id: int, skills: set[int]) -> dict[int, datetime]:
    """Return until when somebody's exams count: the newest of each skill, when it was passed."""
    if not skills:
        return {}
    rows = Exam.objects.filter(staff_id=staff_id, skill_id__in=skills)
    newest = rows.order_by("skill_id", "-taken_on", "-id").distinct("skill_id")
    return {
        exam.skill_id: _end_of(exam.valid_until) if exam.valid_until else FAR
        for exam in newest
        if exam.is_passed
    }


def _end_of(day: date) -> datetime:
    """Return when a day is over everywhere."""
    return datetime.combine(day, time(12), UTC) + timedelta(days=1)

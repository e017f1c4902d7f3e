"""Who may, who can and who is there now: pure functions; every exclusion keeps its reasons."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from helpdesk.services import working_hours

# May, can, is there now: the order in which reasons are told.
INACTIVE = "inactive"
PERMISSION = "permission"
TOPIC = "topic"
SKILL = "skill"
LANGUAGE = "language"
AWAY = "away"
OFFLINE = "offline"
HOURS = working_hours.HOURS
HOLIDAY = working_hours.HOLIDAY
LEAVE = working_hours.LEAVE
FOCUS = working_hours.FOCUS
LENT = "lent"
FULL = "full"
DECLINED = "declined"
REASONS = (
    *(INACTIVE, PERMISSION, TOPIC, SKILL, LANGUAGE, AWAY, OFFLINE),
    *(HOURS, HOLIDAY, LEAVE, FOCUS, LENT, FULL, DECLINED),
)

# Languages that a person must have to answer; for others nobody could be found by rule.
REQUIRED_LANGUAGES = frozenset({"zh", "en"})


@dataclass(frozen=True, slots=True)
class Reach:
    """Departments in which somebody may answer, and the topics: None means every topic."""

    departments: frozenset[int]
    topics: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """What routing knows of one member of staff at one moment."""

    id: int
    reaches: tuple[Reach, ...] = ()
    skills: Mapping[int, int] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    place: str = ""
    capacity: Decimal = Decimal(3)
    load: Decimal = Decimal(0)
    # Weight of offers that wait for this person's answer.
    reserved: Decimal = Decimal(0)
    is_active: bool = True
    status: str = "online"
    lease_until: datetime | None = None
    # Why the calendar leaves no time for work now, as one of the reasons; empty while it does.
    off: str = ""
    # False when the share of the day that the person lends is spent.
    has_lent_time: bool = True
    last_assigned_at: datetime | None = None

    @property
    def free(self) -> Decimal:
        """Return the capacity that is neither used nor reserved."""
        return self.capacity - self.load - self.reserved


@dataclass(frozen=True, slots=True)
class Past:
    """What somebody and this customer have had with each other."""

    last_at: datetime
    stars: float | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What one conversation asks of whoever answers it."""

    conversation_id: int
    department_id: int
    topic_id: int | None = None
    # skill id -> lowest level
    skills: Mapping[int, int] = field(default_factory=dict)
    language: str = ""
    place: str = ""
    weight: Decimal = Decimal(1)
    pasts: Mapping[int, Past] = field(default_factory=dict)
    declined_by: frozenset[int] = frozenset()
    urgency: int = 20
    waiting_since: datetime | None = None


def exclusions(person: Person, need: Need, now: datetime) -> tuple[str, ...]:
    """Return why this person cannot be given this conversation now, most basic reason first; empty when they can."""
    reasons = [*may_not(person, need), *cannot(person, need), *is_not_there(person, need, now)]
    if person.id in need.declined_by:
        reasons.append(DECLINED)
    return tuple(reasons)


def may_not(person: Person, need: Need) -> list[str]:
    """Return what permissions are missing."""
    if not person.is_active:
        return [INACTIVE]
    here = [reach for reach in person.reaches if need.department_id in reach.departments]
    if not here:
        return [PERMISSION]
    if need.topic_id is None or any(
        reach.topics is None or need.topic_id in reach.topics for reach in here
    ):
        return []
    return [TOPIC]


def cannot(person: Person, need: Need) -> list[str]:
    """Return what skill or language is missing."""
    reasons = []
    if any(person.skills.get(skill, -1) < lowest for skill, lowest in need.skills.items()):
        reasons.append(SKILL)
    is_required = need.language in REQUIRED_LANGUAGES and bool(person.languages)
    if is_required and need.language not in person.languages:
        reasons.append(LANGUAGE)
    return reasons


def is_not_there(person: Person, need: Need, now: datetime) -> list[str]:
    """Return what keeps the person from taking it at this moment."""
    reasons = []
    if person.lease_until is None or person.lease_until <= now:
        reasons.append(OFFLINE)
    elif person.status != "online":
        reasons.append(AWAY)
    if person.off:
        reasons.append(person.off)
    if not person.has_lent_time:
        reasons.append(LENT)
    if person.free < need.weight:
        reasons.append(FULL)
    return reasons


def candidates(
    people: Iterable[Person], need: Need, now: datetime
) -> tuple[list[Person], dict[int, tuple[str, ...]]]:
    """Return those who can be given the conversation now, and for everybody else why not."""
    eligible: list[Person] = []
    excluded: dict[int, tuple[str, ...]] = {}
    for person in people:
        reasons = exclusions(person, need, now)
        if reasons:
            excluded[person.id] = reasons
        else:
            eligible.append(person)
    return eligible, excluded

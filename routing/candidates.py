"""What routing knows of people and asks of them, one at a time; `deciding` looks at all of them together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from helpdesk.services import working_hours
from helpdesk.services.practices import Practice
from routing.deciding.demands import Ring
from routing.deciding.evidence import Evidence, counted

# May, can, is there now: the order in which reasons are told.
INACTIVE = "inactive"
PERMISSION = "permission"
TOPIC = "topic"
SKILL = "skill"
CERTIFICATE = "certificate"
LANGUAGE = "language"
KIND = "kind"
AWAY = "away"
OFFLINE = "offline"
HOURS = working_hours.HOURS
HOLIDAY = working_hours.HOLIDAY
LEAVE = working_hours.LEAVE
FOCUS = working_hours.FOCUS
LENT = "lent"
STICKY = "sticky"
RING = "ring"
LEARNING = "learning"
FULL = "full"
DECLINED = "declined"
REASONS = (
    *(INACTIVE, PERMISSION, TOPIC, SKILL, CERTIFICATE, LANGUAGE, KIND),
    *(AWAY, OFFLINE),
    *(HOURS, HOLIDAY, LEAVE, FOCUS, LENT, STICKY, RING, LEARNING, FULL, DECLINED),
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
    # The department the person works in, 0 when it does not matter.
    department_id: int = 0
    # skill id -> level 0 to 5
    skills: Mapping[int, float] = field(default_factory=dict)
    # skill id -> what it lately came to: part of the value, never of who may
    evidence: Mapping[int, Evidence] = field(default_factory=dict)
    # skill id -> until when its exam counts, in seconds since 1970
    certified: Mapping[int, float] = field(default_factory=dict)
    # Skills in which the person is in training; whether they practise now, and behind how many others they stand.
    learning: frozenset[int] = frozenset()
    is_practising: bool = False
    stands_behind: int = 0
    languages: tuple[str, ...] = ()
    place: str = ""
    capacity: Decimal = Decimal(3)
    load: Decimal = Decimal(0)
    # Weight of offers that wait for this person's answer.
    reserved: Decimal = Decimal(0)
    # Has something in hand that leaves no room for anything else.
    is_filled: bool = False
    # kind of channel -> in hand, and how many at most where there is a limit
    held: Mapping[str, int] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)
    is_active: bool = True
    status: str = "online"
    lease_until: datetime | None = None
    # Why the calendar leaves no time for work now, as one of the reasons; empty while it does.
    off: str = ""
    # False when the share of the day that the person lends is spent.
    has_lent_time: bool = True
    timezone: str = "UTC"
    last_assigned_at: datetime | None = None
    # Conversations given lately.
    recent: float = 0.0
    # What the person's time is worth elsewhere, in shares of the skill scale.
    price: float = 0.0

    def level(self, skill: int) -> float:
        """Return the level that counts: as stated, changed by evidence; 0 without the skill."""
        stated, evidence = self.skills.get(skill, 0.0), self.evidence.get(skill)
        if evidence is None or skill not in self.skills:
            return stated
        return counted(stated, evidence.change)

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
    # The skill of which an exam must have been passed.
    certificate: int | None = None
    # skill id -> its part of the whole; equal parts where it is not said
    shares: Mapping[int, float] = field(default_factory=dict)
    language: str = ""
    place: str = ""
    weight: Decimal = Decimal(1)
    # The kind of channel, where it matters; and whether it leaves no room for anything else.
    kind: str = ""
    fills: bool = False
    pasts: Mapping[int, Past] = field(default_factory=dict)
    declined_by: frozenset[int] = frozenset()
    # For whom it is kept a little while.
    sticky_to: int | None = None
    # Who is asked now.
    ring: Ring | None = None
    # Only people in training are asked now; the lowest level does not count for them.
    practice: Practice | None = None
    episode: int = 1
    # Asked for help, or for a certain skill: nothing to learn with.
    is_special: bool = False
    urgency: int = 20
    waiting_since: datetime | None = None
    # Since when it waits for an owner.
    queued_at: datetime | None = None
    # The customer stays and watches for the answer, as in a chat.
    is_live: bool = False

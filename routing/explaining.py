"""Reads "why me?" and "why not me?" out of a decision, in the reader's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from django.db.models import QuerySet
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from helpdesk.access import Access, colleague
from helpdesk.models import Assignment, Conversation, Mention, Skill, Staff, Topic
from helpdesk.permissions import CONVERSATION_ASSIGN
from helpdesk.prepared import Argument, prepared
from helpdesk.reports.names import labels_of
from routing import candidates as reasons
from routing import evidence_text
from routing.candidates import Need, Person
from routing.deciding.standing import Part, Scored
from routing.decision_text import LANGUAGES, PART_LABELS, REASON_TEXTS
from routing.models import Decision
from routing.recording import Reading, read

# Who was left out and could have answered some other day: worth a word beside the score.
_OFF = (reasons.HOURS, reasons.HOLIDAY, reasons.LEAVE)
NEARLY = (
    *({one} for one in (reasons.STICKY, reasons.RING, reasons.LEARNING)),
    *({one} for one in (reasons.FULL, reasons.LENT, reasons.AWAY, reasons.FOCUS, reasons.DECLINED)),
    *({one} for one in (*_OFF, reasons.OFFLINE)),
    *({one, reasons.OFFLINE} for one in _OFF),
)
NEARLY_SHOWN = 3
EXCLUDED_SHOWN = 60


@dataclass(frozen=True)
class ShownPart:
    """One bar."""

    label: str
    points: str
    most: int
    percent: int
    text: str
    name: str = ""
    value: float = 0.0


@dataclass(frozen=True)
class ShownPerson:
    """Somebody with the total and the bars, or with reasons for being left out."""

    pk: int
    label: str
    color: str = ""
    total: str = ""
    parts: tuple[ShownPart, ...] = ()
    reasons: tuple[str, ...] = ()
    summary: str = ""


@dataclass(frozen=True)
class Explanation:
    """Everything "why me?" shows of one conversation."""

    conversation: Conversation
    decision: Decision | None
    chosen: ShownPerson | None = None
    ranked: tuple[ShownPerson, ...] = ()
    runner_up: ShownPerson | None = None
    nearly: tuple[ShownPerson, ...] = ()
    excluded: tuple[ShownPerson, ...] = ()
    asked: ShownPerson | None = None
    is_me: bool = False
    is_offered: bool = False
    # It waits although somebody has room.
    is_held: bool = False
    topic_id: int | None = None
    language: str = ""
    # How somebody got it without the engine; empty when it was the engine.
    by_hand: str = ""
    # Who learns what with it, and who stands behind; empty where nobody does.
    practice: str = ""

    @property
    def is_passed(self) -> bool:
        """Tell whether the runner-up had more points, and was needed elsewhere at the same time."""
        if self.chosen is None or self.runner_up is None:
            return False
        return int(self.runner_up.total) > int(self.chosen.total)

    @property
    def is_asked_chosen(self) -> bool:
        """Tell whether the colleague who was asked about is the one who was chosen."""
        return bool(self.chosen and self.asked and self.chosen.pk == self.asked.pk)

    @property
    def topic(self) -> str:
        found = Topic.objects.filter(pk=self.topic_id).first() if self.topic_id else None
        return found.label if found else ""


def explain(
    by: Access, shown: Conversation, staff_id: int | None = None, *, in_short: bool = False
) -> Explanation:
    """Return why a visible conversation is where it is, and for one colleague why not there.

    In short, only who was chosen, who came second and who nearly stood for it are told.
    Raises NotFound for a colleague that the person may not see.
    """
    asked = colleague(by, staff_id) if staff_id else None
    by_hand = _by_hand(shown)
    decision = None if by_hand else _decision(shown)
    if decision is None:
        return Explanation(shown, None, by_hand=by_hand)
    reading = _read(decision)
    if in_short:
        reading = _shortened(reading, decision.staff_id)
    words = Words.of(reading, asked, in_color=not in_short, figures_of=_figures_of(by, shown))
    return _explanation(by, shown, decision, words, asked)


def explain_decision(by: Access, decision: Decision, staff_id: int | None = None) -> Explanation:
    """Return why one decision came out as it did, and for one colleague why not otherwise.

    The decision's conversation must be visible. Raises NotFound for a colleague that the person may not see.
    """
    asked = colleague(by, staff_id) if staff_id else None
    shown = decision.conversation
    words = Words.of(_read(decision), asked, in_color=True, figures_of=_figures_of(by, shown))
    return _explanation(by, shown, decision, words, asked)


def _figures_of(by: Access, shown: Conversation) -> int | None:
    """Return whose figures are told: everybody's, None, to whoever assigns there, else one's own."""
    return None if by.may(CONVERSATION_ASSIGN, shown) else by.staff_id


def _by_hand(shown: Conversation) -> str:
    """Return how somebody holds it without the engine; empty when it was the engine, or nobody does."""
    mode = next(iter(_mode_of(shown.pk)), None)
    if mode in {None, Assignment.Mode.AUTOMATIC, Assignment.Mode.OFFER}:
        return ""
    return str(Assignment.Mode(mode).label)


@prepared
def _mode_of(conversation_id: Argument) -> QuerySet[Assignment, str]:
    running = Assignment.objects.filter(conversation_id=conversation_id, ended_at__isnull=True)
    return running.values_list("mode", flat=True)[:1]


def _read(decision: Decision) -> Reading:
    """Return the decision; passed over for a learner were only those who could have had it."""
    reading = read(decision)
    excluded = {
        staff_id: tuple(one for one in why if one != reasons.LEARNING) or tuple(why)
        for staff_id, why in reading.excluded.items()
    }
    return replace(reading, excluded=excluded)


def _shortened(reading: Reading, staff_id: int | None) -> Reading:
    chosen = [one for one in reading.ranked if one.person.id == staff_id]
    others = [one for one in reading.ranked if one.person.id != staff_id]
    nearly = [(one, why) for one, why in reading.excluded.items() if set(why) in NEARLY]
    return replace(reading, ranked=(*chosen, *others[:1]), excluded=dict(nearly[:NEARLY_SHOWN]))


def _decision(shown: Conversation) -> Decision | None:
    """Return the decision that put it where it is, else the newest."""
    owned = _newest_for(shown.pk, shown.owner_id) if shown.owner_id else []
    return next(iter(owned or _newest(shown.pk)), None)


@prepared
def _newest(conversation_id: Argument) -> QuerySet[Decision]:
    return Decision.objects.filter(conversation_id=conversation_id).order_by("-id")[:1]


@prepared
def _newest_for(conversation_id: Argument, staff_id: Argument) -> QuerySet[Decision]:
    rows = Decision.objects.filter(conversation_id=conversation_id, staff_id=staff_id)
    return rows.order_by("-id")[:1]


def _explanation(
    by: Access, shown: Conversation, decision: Decision, words: "Words", asked: Staff | None
) -> Explanation:
    reading = words.reading
    ranked = tuple(words.scored(one, reading.need) for one in reading.ranked)
    chosen = next((one for one in ranked if one.pk == decision.staff_id), None)
    others = [one for one in ranked if one is not chosen]
    left_out = [
        words.left_out(staff_id, why)
        for staff_id, why in list(reading.excluded.items())[:EXCLUDED_SHOWN]
        if staff_id in words.staff
    ]
    nearly = [one for one in left_out if set(reading.excluded[one.pk]) in NEARLY]
    return Explanation(
        shown,
        decision,
        chosen=chosen,
        ranked=ranked,
        runner_up=others[0] if chosen and others else None,
        nearly=tuple(nearly[:NEARLY_SHOWN]),
        excluded=tuple(left_out),
        asked=words.about(asked, [*ranked, *left_out]) if asked else None,
        is_me=decision.staff_id == by.staff_id,
        is_offered=decision.outcome == Decision.Outcome.OFFERED and shown.owner_id is None,
        is_held=decision.outcome == Decision.Outcome.HELD,
        topic_id=reading.need.topic_id,
        language=str(LANGUAGES.get(reading.need.language, "")),
        practice=words.practice(decision, by.staff_id),
    )


@dataclass(frozen=True)
class Words:
    """The names that a decision's ids stand for."""

    staff: Mapping[int, str]
    skills: Mapping[int, str]
    # The colour of each person's department, where it is shown.
    colors: Mapping[int, str]
    reading: Reading
    # Whose figures are told beside their level; None: everybody's.
    figures_of: int | None

    @classmethod
    def of(
        cls,
        reading: Reading,
        asked: Staff | None,
        *,
        in_color: bool = False,
        figures_of: int | None,
    ) -> "Words":
        ids = {one.person.id for one in reading.ranked} | set(reading.excluded)
        if asked:
            ids.add(asked.pk)
        if reading.need.practice:
            ids.add(reading.need.practice.staff_ids[0])
        people = Staff.objects.filter(pk__in=ids).order_by()
        colors = people.values_list("pk", "department__color") if in_color else ()
        names = labels_of({Staff: ids, Skill: reading.need.skills})
        return cls(
            {pk: name for (table, pk), name in names.items() if table is Staff},
            {pk: name for (table, pk), name in names.items() if table is Skill},
            dict(colors),
            reading,
            figures_of,
        )

    def scored(self, one: Scored, need: Need) -> ShownPerson:
        return ShownPerson(
            one.person.id,
            self.staff[one.person.id],
            self.colors.get(one.person.id, ""),
            total=points(one.total),
            parts=tuple(self.part(part, one.person, need) for part in one.parts),
            summary=self.summary(one, need),
        )

    def part(self, part: Part, person: Person, need: Need) -> ShownPart:
        return ShownPart(
            label=str(PART_LABELS.get(part.name, part.name)),
            points=points(part.points),
            most=part.most,
            percent=round(100 * part.points / part.most),
            text=self.fact(part.name, person, need) + self.more(part.name, person, need),
            name=part.name,
            value=part.points,
        )

    def summary(self, one: Scored, need: Need) -> str:
        """Return the two facts that speak most for somebody."""
        best = sorted(one.parts, key=lambda part: -part.points)
        told = [self.fact(part.name, one.person, need) for part in best if part.points > 0]
        return _("; ").join([text for text in told if text][:2])

    def fact(self, name: str, person: Person, need: Need) -> str:
        """Return what lies behind one part, in a few words."""
        if name == "skill":
            return self.skill_fact(person, need)
        if name == "load":
            facts = {"load": figure(person.load), "capacity": figure(person.capacity)}
            return _("%(load)s of %(capacity)s in hand") % facts
        if name == "place" and need.place and person.place:
            same = need.place.casefold() == person.place.casefold()
            return (_("same place, %s") if same else _("in %s")) % person.place
        if name == "history" and person.id in need.pasts:
            stars = need.pasts[person.id].stars
            if stars:
                return _("served this customer before, %s stars") % figure(Decimal(str(stars)))
            return _("served this customer before")
        if name == "language" and need.language:
            return str(LANGUAGES.get(need.language, ""))
        if name in {"idle", "fairness"} and person.last_assigned_at:
            return _idle(self.reading.at - person.last_assigned_at)
        if name == "scarcity":
            return _scarce(person.price)
        return ""

    def practice(self, decision: Decision, reader_id: int) -> str:
        """Return who learns what with the conversation, and who stands behind; empty where nobody does."""
        practice, learner = self.reading.need.practice, decision.staff_id
        if practice is None or learner is None:
            return ""
        standing = Mention.objects.filter(
            conversation_id=decision.conversation_id, behind_id=learner, at__gte=decision.at
        )
        last = standing.select_related("staff", "conversation").order_by("-id").first()
        facts = {
            "learner": self.staff.get(learner, ""),
            "skill": self.skills.get(practice.skill_id, "?"),
            "name": last.staff.label if last else self.staff.get(practice.staff_ids[0], ""),
        }
        # Who does not hold it any more is told of as it was.
        is_alone = last and not last.is_running and last.conversation.owner_id == learner
        if learner == reader_id:
            if is_alone:
                return _("You are learning %(skill)s; nobody stands behind you now.") % facts
            return _("You are learning %(skill)s; %(name)s stands behind you.") % facts
        if is_alone:
            return _("%(learner)s is learning %(skill)s; nobody stands behind now.") % facts
        return _("%(learner)s is learning %(skill)s; %(name)s stands behind.") % facts

    def skill_fact(self, person: Person, need: Need) -> str:
        if not need.skills:
            return _("no particular skill needed")
        return _(", ").join(self.level_fact(person, skill) for skill in need.skills)

    def level_fact(self, person: Person, skill: int) -> str:
        stated = person.skills.get(skill, 0)
        told = _("%(skill)s level %(level)s") % {
            "skill": self.skills.get(skill, "?"),
            "level": stated,
        }
        evidence = person.evidence.get(skill)
        return _(", ").join([told, evidence_text.lately(stated, evidence)]) if evidence else told

    def more(self, name: str, person: Person, need: Need) -> str:
        """Return what stands behind the facts, where there is room to tell it."""
        if name != "skill" or self.figures_of not in {None, person.id}:
            return ""
        known = [person.evidence[skill] for skill in need.skills if skill in person.evidence]
        told = [text for evidence in known if (text := evidence_text.figures(evidence))]
        return _(": ") + _("; ").join(told) if told else ""

    def left_out(self, staff_id: int, why: Sequence[str]) -> ShownPerson:
        return ShownPerson(
            staff_id,
            self.staff[staff_id],
            reasons=tuple(str(REASON_TEXTS.get(reason, reason)) for reason in why),
        )

    def about(self, asked: Staff, known: Sequence[ShownPerson]) -> ShownPerson:
        """Return what the decision says of one colleague, and honestly when it says nothing."""
        found = next((one for one in known if one.pk == asked.pk), None)
        if found:
            return found
        reading = self.reading
        if reading.people > len(reading.ranked) + len(reading.excluded):
            why = _("was not among the best candidates kept")
        else:
            why = _("did not work here at that time")
        return ShownPerson(asked.pk, asked.label, reasons=(why,))


def _scarce(price: float) -> str:
    if price >= 0.4:
        return _("others need this colleague more")
    return _("also asked for by others") if price >= 0.05 else _("not needed elsewhere now")


def _idle(waited: timedelta) -> str:
    minutes = max(0, round(waited.total_seconds() / 60))
    if not minutes:
        return _("last one just now")
    if minutes > 120:
        return _("nothing new for hours")
    return ngettext(
        "last one %(count)s minute before", "last one %(count)s minutes before", minutes
    ) % {"count": minutes}


def points(value: float | Decimal) -> str:
    """Return points as people read them: whole."""
    return str(round(value))


def figure(value: Decimal) -> str:
    """Return a number without a needless fraction."""
    whole = value == value.to_integral_value()
    return formats.number_format(value.quantize(Decimal(1)) if whole else value, use_l10n=True)

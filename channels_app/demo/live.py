"""Tells what is going on at this moment, and what came before it with the same customers."""

from datetime import datetime, timedelta

from channels_app.demo.content import LiveText
from channels_app.demo.history import CLOSED_AFTER, Teller
from channels_app.demo.timeline import Story
from helpdesk.models import EscalationLevel, Staff


def tell_live(teller: Teller) -> None:
    """Tell every conversation that is written out."""
    for text in teller.company.text["live"]:
        Scene(teller, text).tell()


class Scene:
    """One conversation, line by line."""

    def __init__(self, teller: Teller, text: LiveText) -> None:
        self.teller, self.text = teller, text
        company = teller.company
        topic = company.topics[text["topic"]]
        language = text.get("language") or ("en" if text["subject"].isascii() else "zh")
        person = teller.customers.named(text["customer"], language, text.get("place", ""))
        department = next(
            key for key, row in company.departments.items() if row == topic.department
        )
        self.story = Story(
            teller.rows,
            identity=person.identity,
            channel=person.channel,
            queue=company.queues[department],
            topic=topic,
            subject=text["subject"],
            urgency=text["urgency"],
            language=language,
            opened_at=teller.now - timedelta(minutes=text["lines"][0][0]),
        )

    def tell(self) -> None:
        """Tell it up to now."""
        owner = self._staff(self.text["owner"]) if "owner" in self.text else None
        climbs = self._climbs()
        for minutes, who, words in self.text["lines"]:
            at = self.teller.now - timedelta(minutes=minutes)
            self._climb_until(climbs, at, owner)
            self._line(who, words, at)
            if owner and self.story.assignment is None:
                self.story.assigned(owner, at + timedelta(seconds=20))
        self._climb_until(climbs, self.teller.now, owner)
        self._snooze(owner)
        self._end(owner)
        self._leave_unread(owner)

    def _end(self, owner: Staff | None) -> None:
        """End what is over: earlier dealings of the customers who write now."""
        stars = self.text.get("stars")
        last = self.story.conversation.last_message_at
        if owner and stars and last:
            self.story.resolves(owner, last + timedelta(minutes=4))
            self.story.is_rated(stars, ["fast"], "", last + timedelta(minutes=6))
            self.story.closes(last + CLOSED_AFTER)

    def _line(self, who: str, words: str, at: datetime) -> None:
        kind, *names = who.split(":")
        if kind == "c":
            self.story.says(words, at)
        elif kind == "note":
            self.story.notes(self._staff(names[0]), words, at)
        elif kind == "mention":
            self.story.calls_in(self._staff(names[1]), self._staff(names[0]), words, at)
        else:
            self.story.answers(self._staff(kind), words, at)

    def _climbs(self) -> list[tuple[datetime, EscalationLevel]]:
        """Return when it reached which level."""
        facts = self.text.get("escalation")
        if facts is None:
            return []
        levels = self.teller.company.levels
        at = self.teller.now - timedelta(minutes=facts["minutes"])
        climbs = [(at, levels[facts["path"], facts["level"]])]
        for order in range(facts["level"] - 1, 0, -1):
            level = levels[facts["path"], order]
            at -= level.timer
            climbs.insert(0, (at, level))
        return climbs

    def _climb_until(
        self, climbs: list[tuple[datetime, EscalationLevel]], at: datetime, owner: Staff | None
    ) -> None:
        while climbs and climbs[0][0] <= at and self.story.assignment:
            reached, level = climbs.pop(0)
            if self.story.escalation is None:
                reason = self.text["escalation"]["reason"]
                self.story.escalates(owner, level, reason, reached)
            else:
                self.story.climbs(level, reached)

    def _leave_unread(self, owner: Staff | None) -> None:
        conversation = self.story.conversation
        if owner is None:
            conversation.route_at = self.teller.now
        else:
            unread = self.text.get("unread", 0)
            conversation.owner_seen_number = conversation.last_number - unread

    def _snooze(self, owner: Staff | None) -> None:
        hours = self.text.get("snooze_hours")
        if owner and hours:
            last = self.story.conversation.last_message_at
            assert last is not None  # noqa: S101  (a scene has lines)
            until = self.teller.now + timedelta(hours=hours)
            self.story.snoozes(owner, until, last + timedelta(minutes=1))

    def _staff(self, key: str) -> Staff:
        return self.teller.company.staff[key]

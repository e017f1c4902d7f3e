"""Tells the conversations of the last sixty days, from the dialogues and with a fixed seed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from channels_app.demo.company import Company
from channels_app.demo.content import DialogueText, Line, people
from channels_app.demo.customers import Customers, Person
from channels_app.demo.timeline import Rows, Story
from helpdesk.models import Staff, Topic

DAYS = 60
# When customers write, hour by hour from 8 to 22; ten in the morning is the busiest.
HOURS = range(8, 23)
HOUR_WEIGHTS = [3, 6, 11, 11, 6, 4, 6, 8, 6, 5, 4, 3, 5, 5, 2]
SCORES = [5] * 60 + [4] * 24 + [3] * 9 + [2] * 4 + [1] * 3
CLOSED_AFTER = timedelta(days=3)
REASONS = {True: ["fast", "clear"], False: ["unsolved", "slow"]}
COMMENTS = {
    "zh": ["回得很快，点赞", "工程师直接来答，专业", "解决了，就是等得久了点", "态度很好"],
    "en": ["Fast and friendly", "The engineer knew at once", "Solved, the wait was long"],
}


@dataclass
class Teller:
    """What a story needs: the company, its customers, chance and the present."""

    company: Company
    customers: Customers
    random: Random
    now: datetime
    rows: Rows

    def tell(self, count: int) -> None:
        """Tell `count` finished conversations, the oldest first."""
        times = sorted(self._moment() for _ in range(count))
        chinese = self.company.text["dialogues"]
        english = self.company.text["dialogues_en"]
        for number, opened_at in enumerate(times):
            is_english = number % 7 in {2, 5}
            dialogues = english if is_english else chinese
            dialogue = dialogues[(number * 5 + number // len(dialogues)) % len(dialogues)]
            Episode(self, dialogue, "en" if is_english else "zh", opened_at).tell()

    def _moment(self) -> datetime:
        """Return a moment of the last sixty days when somebody would write."""
        zone = ZoneInfo(self.company.organization.timezone)
        day = self.now.astimezone(zone) - timedelta(days=self.random.randrange(DAYS))
        if day.weekday() >= 5 and self.random.random() < 0.5:
            day -= timedelta(days=2)
        hour = self.random.choices(HOURS, HOUR_WEIGHTS)[0]
        moment = day.replace(hour=hour, minute=self.random.randrange(60), second=0)
        moment += timedelta(seconds=self.random.randrange(60))
        return moment if moment < self.now - timedelta(hours=3) else moment - timedelta(days=7)

    def somebody(self, topic: Topic, language: str, *, department: str = "") -> Staff:
        """Return who would answer: skilled, speaks the language, mostly of the topic's department."""
        weights: dict[str, float] = {}
        for facts in self.company.text["staff"]:
            level = facts["skills"].get(self._skill_key(topic), 0)
            is_home = self.company.departments[facts["department"]] == topic.department
            if department and facts["department"] != department:
                continue
            if language not in facts["languages"] or (not department and level == 0):
                continue
            weights[facts["key"]] = (level + 0.2) * (3.0 if is_home else 0.5)
        keys = list(weights) or list(self.company.staff)
        chosen = self.random.choices(keys, [weights.get(key, 1.0) for key in keys])[0]
        return self.company.staff[chosen]

    def _skill_key(self, topic: Topic) -> str:
        return next((key for key, skill in self.company.skills.items() if skill == topic.skill), "")


class Episode:
    """One dialogue, told once with its own names, numbers and times."""

    def __init__(
        self, teller: Teller, dialogue: DialogueText, language: str, opened_at: datetime
    ) -> None:
        self.teller, self.dialogue, self.language = teller, dialogue, language
        self.random = teller.random
        self.at = opened_at
        self.topic = teller.company.topics[dialogue["topic"]]
        self.person = self._customer()
        self.agent = teller.somebody(self.topic, language)
        self.facts = self._facts()
        self.story = Story(
            teller.rows,
            identity=self.person.identity,
            channel=self.person.channel,
            queue=teller.company.queues[self._department_key(self.topic)],
            topic=self.topic,
            subject=self._filled(dialogue["subject"]),
            urgency=dialogue["urgency"],
            language=language,
            opened_at=opened_at,
        )

    def tell(self) -> None:
        """Tell it from the first question to the rating."""
        for line in self.dialogue["lines"]:
            self._line(line)
            if self.story.assignment is None:
                self._wait(5, 150)
                self.story.assigned(self.agent, self.at)
        self._wait(60, 600)
        self.story.resolves(self.agent, self.at)
        if self.random.random() < 0.46:
            self._rate()
        if self.at < self.teller.now - CLOSED_AFTER:
            self.at += CLOSED_AFTER
            self.story.closes(self.at)

    def _line(self, line: Line) -> None:
        kind, *texts = line
        told = {
            "c": self._customer_line,
            "a": self._agent_line,
            "n": self._note_line,
            "x": self._expert_line,
            "t": self._transfer_line,
            "e": self._escalation_line,
            "z": self._pause,
        }
        told[kind](texts)

    def _customer_line(self, texts: list[str]) -> None:
        self._wait(15, 200)
        self.story.says(self._chosen(texts), self.at)

    def _agent_line(self, texts: list[str]) -> None:
        self._wait(20, 160)
        self.story.answers(self.agent, self._chosen(texts), self.at)

    def _note_line(self, texts: list[str]) -> None:
        self._wait(20, 90)
        self.story.notes(self.agent, self._chosen(texts), self.at)

    def _expert_line(self, texts: list[str]) -> None:
        department, question, answer = texts
        expert = self.teller.somebody(self.topic, "zh", department=department)
        if expert == self.agent:
            return
        self._wait(20, 60)
        asked = f"@{expert.name} {question}"
        self.story.calls_in(self.agent, expert, asked, self.at)
        self._wait(60, 420)
        self.story.notes(expert, f"@{self.agent.name} {answer}", self.at)

    def _transfer_line(self, texts: list[str]) -> None:
        key, note = texts
        to = self.teller.somebody(self.topic, self.language, department=key)
        if to == self.agent:
            return
        self._wait(20, 60)
        self.story.handed_over(by=self.agent, to=to, note=note, at=self.at)
        self.agent = to
        self.facts["agent"] = self._name_of(to)

    def _escalation_line(self, texts: list[str]) -> None:
        self._wait(20, 60)
        level = next(iter(self.teller.company.levels.values()))
        self.story.escalates(self.agent, level, texts[0], self.at)

    def _pause(self, texts: list[str]) -> None:
        self.at += timedelta(hours=self.random.randrange(4, 20))

    def _rate(self) -> None:
        self._wait(30, 400)
        score = self.random.choice(SCORES)
        reasons = [self.random.choice(REASONS[score > 3])]
        comment = self.random.choice(COMMENTS[self.language]) if self.random.random() < 0.4 else ""
        self.story.is_rated(score, reasons, comment if score > 3 else "", self.at)

    def _wait(self, least: int, most: int) -> None:
        """Let time pass, never into the future."""
        self.at += timedelta(seconds=self.random.randint(least, most))
        self.at = min(self.at, self.teller.now - timedelta(seconds=1))

    def _customer(self) -> Person:
        customers = self.teller.customers
        pool = customers.in_english if self.language == "en" else customers.in_chinese
        return self.random.choice(pool)

    def _department_key(self, topic: Topic) -> str:
        departments = self.teller.company.departments
        return next(key for key, row in departments.items() if row == topic.department)

    def _name_of(self, staff: Staff) -> str:
        return staff.name_en if self.language == "en" else staff.name

    def _facts(self) -> dict[str, str]:
        texts = people()
        is_english = self.language == "en"
        name = self.person.identity.display_name or ("there" if is_english else "")
        places = texts["places_en"] if is_english else texts["places"]
        return {
            "name": name,
            "agent": self._name_of(self.agent),
            "model": self.random.choice(texts["models"][:2])[is_english],
            "order": f"HG-{self.random.randrange(18000, 21300)}",
            "courier": self.random.choice(texts["couriers_en" if is_english else "couriers"]),
            "city": self.person.place or self.random.choice(places),
            "amount": str(self.random.choice([269, 399, 429, 599, 858, 1198])),
            "n": str(self.random.randrange(2, 9)),
        }

    def _chosen(self, texts: list[str]) -> str:
        return self._filled(self.random.choice(texts))

    def _filled(self, text: str) -> str:
        return text.format_map(self.facts)

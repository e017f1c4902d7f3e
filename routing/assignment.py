"""What the engine decides becomes rows: by the core's guarded service, with the decisions beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from helpdesk.models import Assignment, Conversation, State
from helpdesk.models.batches import insert_each
from helpdesk.services.holding import Gift, assign_waiting
from helpdesk.tenancy import organization_transaction
from routing import leases, offers, recording
from routing.candidates import Need
from routing.deciding.standing import Standings, stand
from routing.deciding.team import Team
from routing.models import Decision, Offer, Policy


@dataclass(frozen=True)
class Choice:
    """Whom one conversation should go to at one moment, and how everybody stood; nobody where `row` is None."""

    standings: Standings
    number: int
    row: int | None
    at: datetime
    policy: Policy

    @property
    def need(self) -> Need:
        return self.standings.asked.needs[self.number]

    @property
    def given_row(self) -> int:
        """Return the row of whoever shall have it."""
        if self.row is None:
            raise ValueError("nobody shall have it")
        return self.row

    @property
    def staff_id(self) -> int:
        """Return who shall have it."""
        return int(self.standings.team.ids[self.given_row])

    @property
    def score(self) -> float:
        """Return the points of whoever shall have it."""
        return self.standings.total(self.number, self.given_row)

    def nobody(self) -> "Choice":
        """Return the same, with nobody who shall have it."""
        return replace(self, row=None)

    def decision(self, outcome: Decision.Outcome) -> Decision:
        """Return what is kept of the choice."""
        return recording.decision(
            self.need,
            outcome,
            data=recording.compose(self.standings, self.number, self.row),
            policy=self.policy,
            at=self.at,
            chosen=None if self.row is None else (self.staff_id, self.score),
        )

    def told(self, decision: Decision) -> dict[str, Any]:  # Any: small JSON facts
        """Return what the conversation's entry tells of the choice."""
        return {
            "decision": decision.pk,
            "score": self.score,
            "topic": self.need.topic_id,
            "urgency": self.need.urgency,
        }


@dataclass(frozen=True, slots=True)
class Committed:
    """What came of choices: those that stand, and the first that was refused; what is in neither has moved."""

    done: Sequence[Choice]
    refused: Choice | None = None


def choose(team: Team, need: Need, policy: Policy, now: datetime) -> Choice:
    """Return who comes first for one need among those who have room; nobody where nobody has."""
    standings = stand(team, [need], [policy.rules], now.timestamp())
    first = standings.order(0, 1)
    return Choice(standings, 0, int(first[0]) if len(first) else None, now, policy)


def commit(choices: Sequence[Choice], fence: int | None = None) -> Committed:
    """Give each conversation to whom it shall go, in one transaction and in the order given.

    Ends before the first that is refused: what follows must be decided anew, or somebody less urgent
    would get what the refused one could have had. `fence` is the number of the lease under which we work.
    """
    with organization_transaction():
        leases.check(fence)
        waiting = lock_waiting(choices)
        standing = [choice for choice in choices if choice.need.conversation_id in waiting]
        decisions = [choice.decision(Decision.Outcome.ASSIGNED) for choice in standing]
        insert_each(decisions)
        made, refusal = assign_waiting(
            [
                _gift(waiting[choice.need.conversation_id], choice, decision)
                for choice, decision in zip(standing, decisions, strict=True)
            ]
        )
        if refusal:
            unused = [decision.pk for decision in decisions[len(made) :]]
            Decision.objects.filter(pk__in=unused).delete()
    return Committed(standing[: len(made)], standing[len(made)] if refusal else None)


def propose(choices: Sequence[Choice], fence: int | None = None) -> Committed:
    """Put each conversation before whom it shall go to, under the same rules as `commit`."""
    with organization_transaction():
        leases.check(fence)
        waiting = lock_waiting(choices)
        standing = [choice for choice in choices if choice.need.conversation_id in waiting]
        made, refusal = offers.make(
            [
                offers.Proposal(
                    choice.decision(Decision.Outcome.OFFERED),
                    choice.staff_id,
                    choice.need.weight,
                    timedelta(seconds=choice.policy.offer_seconds),
                )
                for choice in standing
            ]
        )
    return Committed(standing[: len(made)], standing[len(made)] if refusal else None)


def lock_waiting(choices: Sequence[Choice]) -> dict[int, Conversation]:
    """Return the conversations that are still as they were when they were chosen for, locked, by id.

    One that somebody else is at is left out: waiting would line up all routers behind one row.
    """
    needs = {choice.need.conversation_id: choice.need for choice in choices}
    rows = Conversation.objects.filter(pk__in=needs, state=State.QUEUED).order_by("pk")
    locked = list(rows.select_for_update(no_key=True, skip_locked=True))
    pending = Offer.objects.filter(state=Offer.State.PENDING, conversation_id__in=needs)
    offered = set(pending.values_list("conversation_id", flat=True))
    return {
        one.pk: one
        for one in locked
        if one.pk not in offered
        and (one.department_id, one.topic_id)
        == (needs[one.pk].department_id, needs[one.pk].topic_id)
    }


def _gift(conversation: Conversation, choice: Choice, decision: Decision) -> Gift:
    mode = Assignment.Mode.AUTOMATIC
    return Gift(
        conversation,
        choice.staff_id,
        mode,
        answer_within=choice.policy.answer_within,
        facts=choice.told(decision),
        practice=choice.need.practice,
    )


def record_waiting(choices: Sequence[Choice], outcome: Decision.Outcome) -> None:
    """Record why conversations wait, so that "why not me?" has an answer meanwhile."""
    needs = {choice.need.conversation_id for choice in choices}
    with organization_transaction():
        rows = Conversation.objects.filter(pk__in=needs, state=State.QUEUED).order_by("pk")
        waiting = {one.pk for one in rows.only("pk").select_for_update(no_key=True)}
        insert_each(
            [
                choice.decision(outcome)
                for choice in choices
                if choice.need.conversation_id in waiting
            ]
        )

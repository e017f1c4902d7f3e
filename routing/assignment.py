"""Chooses among the candidates and commits: by the core's guarded service, with the decisions beside it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from helpdesk.models import Assignment, Conversation, State
from helpdesk.services.holding import Gift, assign_waiting
from helpdesk.tenancy import organization_transaction
from routing import leases, offers, recording
from routing.candidates import Need, Person, candidates
from routing.models import Decision, Offer, Policy
from routing.scoring import Scored, rank


@dataclass(frozen=True, slots=True)
class Choice:
    """The ranking for one need at one moment."""

    need: Need
    ranked: tuple[Scored, ...]
    excluded: Mapping[int, tuple[str, ...]]
    at: datetime
    policy: Policy

    @property
    def best(self) -> Scored:
        """Return who shall have it."""
        return self.ranked[0]

    def decision(self, outcome: Decision.Outcome) -> Decision:
        """Return what is kept of the choice."""
        chosen = None if outcome == Decision.Outcome.QUEUED else self.best
        return recording.decision(
            self.need,
            outcome,
            data=recording.compose(self.need, self.ranked, self.excluded, self.policy.points),
            policy=self.policy,
            at=self.at,
            chosen=chosen,
        )

    def told(self, decision: Decision) -> dict[str, Any]:  # Any: small JSON facts
        """Return what the conversation's entry tells of the choice."""
        return {
            "decision": decision.pk,
            "score": self.best.total,
            "topic": self.need.topic_id,
            "urgency": self.need.urgency,
        }


@dataclass(frozen=True, slots=True)
class Committed:
    """What came of choices: those that stand, and the first that was refused; what is in neither has moved."""

    done: Sequence[Choice]
    refused: Choice | None = None


def choose(people: Iterable[Person], need: Need, policy: Policy, now: datetime) -> Choice:
    """Return who could take it, best first, and why the others cannot."""
    eligible, excluded = candidates(people, need, now)
    return Choice(need, tuple(rank(eligible, need, now, policy.points)), excluded, now, policy)


def commit(choices: Sequence[Choice], fence: int | None = None) -> Committed:
    """Give each conversation to the best for it, in one transaction and in the order given.

    Ends before the first that is refused: what follows must be decided anew, or somebody less urgent
    would get what the refused one could have had. `fence` is the number of the lease under which we work.
    """
    with organization_transaction():
        leases.check(fence)
        waiting = lock_waiting(choices)
        standing = [choice for choice in choices if choice.need.conversation_id in waiting]
        decisions = [choice.decision(Decision.Outcome.ASSIGNED) for choice in standing]
        Decision.objects.bulk_create(decisions)
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
    """Put each conversation before the best for it, under the same rules as `commit`."""
    with organization_transaction():
        leases.check(fence)
        waiting = lock_waiting(choices)
        standing = [choice for choice in choices if choice.need.conversation_id in waiting]
        made, refusal = offers.make(
            [
                offers.Proposal(
                    choice.decision(Decision.Outcome.OFFERED),
                    choice.best.person.id,
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
    return Gift(conversation, choice.best.person.id, mode, facts=choice.told(decision))


def record_waiting(choices: Sequence[Choice]) -> None:
    """Record that nobody was free, so that "why not me?" has an answer while it waits."""
    needs = {choice.need.conversation_id for choice in choices}
    with organization_transaction():
        rows = Conversation.objects.filter(pk__in=needs, state=State.QUEUED).order_by("pk")
        waiting = {one.pk for one in rows.only("pk").select_for_update(no_key=True)}
        Decision.objects.bulk_create(
            choice.decision(Decision.Outcome.QUEUED)
            for choice in choices
            if choice.need.conversation_id in waiting
        )

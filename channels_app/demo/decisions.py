"""Gives the demo's open conversations the decisions that brought them to their owners."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from helpdesk.models import Assignment, Conversation, Entry
from helpdesk.registries import DemoPart, demo_parts
from routing import needs
from routing.assignment import Choice, choose
from routing.candidates import Need, Person
from routing.deciding.team import Team
from routing.facts import Facts, facts
from routing.models import Decision
from routing.people import people

LEASE = timedelta(seconds=90)


def load_decisions(organization_id: int) -> None:
    """Record why each open conversation is with its owner; does nothing the second time."""
    if Decision.objects.exists():
        return
    held = Assignment.objects.filter(ended_at__isnull=True, mode=Assignment.Mode.AUTOMATIC)
    known = facts()
    everybody = people(known, timezone.now())
    for assignment in held.select_related("conversation__customer").order_by("starts_at"):
        _explain(assignment, known, everybody)


def _explain(assignment: Assignment, known: Facts, everybody: list[Person]) -> None:
    at, conversation = assignment.starts_at, assignment.conversation
    need = _need_then(conversation, known, at)
    colleagues = _there_then(everybody, assignment, at)
    policy = known.policy(conversation.department_id, at)
    team = Team.of(colleagues)
    choice = choose(team, need, policy, at)
    # Whoever would have come first had their hands full.
    while choice.row is not None and choice.staff_id != assignment.staff_id:
        team.fill(choice.staff_id)
        choice = choose(team, need, policy, at)
    if choice.row is not None:
        _record(choice, conversation)
    else:
        _take(assignment)


def _need_then(conversation: Conversation, known: Facts, at: datetime) -> Need:
    """Return the need with what the customer had had with colleagues before."""
    [need] = needs.needs([conversation], known, at)
    before = dict(
        Assignment.objects.filter(
            conversation__customer_id=conversation.customer_id, starts_at__lt=at
        )
        .order_by()
        .values_list("staff_id")
        .annotate(Max("starts_at"))
    )
    pasts = {
        staff_id: replace(past, last_at=before[staff_id])
        for staff_id, past in need.pasts.items()
        if staff_id in before
    }
    return replace(need, pasts=pasts, waiting_since=conversation.opened_at)


def _there_then(everybody: Iterable[Person], assignment: Assignment, at: datetime) -> list[Person]:
    """Return the people as they were: who holds work was there, the owner without this conversation."""
    found = []
    for person in everybody:
        present = person
        if person.load:
            present = replace(
                person, status="online", lease_until=at + LEASE, off="", has_lent_time=True
            )
        if person.id == assignment.staff_id:
            present = replace(present, load=person.load - assignment.weight)
        found.append(present)
    return found


def _record(choice: Choice, conversation: Conversation) -> None:
    decision = choice.decision(Decision.Outcome.ASSIGNED)
    decision.save()
    entry = _entry(conversation)
    entry.data |= choice.told(decision)
    entry.save(update_fields=["data"])


def _take(assignment: Assignment) -> None:
    """Let the owner have taken what the engine would not have given."""
    Assignment.objects.filter(pk=assignment.pk).update(mode=Assignment.Mode.TAKEN)
    entry = _entry(assignment.conversation)
    entry.actor_id = assignment.staff_id
    entry.data |= {"mode": str(Assignment.Mode.TAKEN)}
    entry.save(update_fields=["actor", "data"])


def _entry(conversation: Conversation) -> Entry:
    return Entry.objects.filter(conversation=conversation, kind=Entry.Kind.ASSIGNED).latest(
        "number"
    )


def register() -> None:
    """Add the decisions to what the `demo` command loads."""
    demo_parts.register("decisions", DemoPart(load=load_decisions, order=30))

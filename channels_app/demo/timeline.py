"""Tells conversations that have happened: collects their rows and stores them in a few statements.

What the services would have written one by one: numbers without gaps, one running assignment, the load of
its owner, a delivery for each answer.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db.models import F, Min, OuterRef, Subquery

from helpdesk.models import (
    WEIGHTS,
    Assignment,
    AuditEntry,
    Channel,
    Conversation,
    Customer,
    Delivery,
    Direction,
    Entry,
    Escalation,
    EscalationLevel,
    EscalationStep,
    Identity,
    Mention,
    Message,
    Outbox,
    Queue,
    Rating,
    Staff,
    State,
    Topic,
    Transfer,
)
from helpdesk.services import indexing

ACCESS_OF_A_MENTION = timedelta(hours=8)
UNDO_OF_A_TRANSFER = timedelta(seconds=30)


@dataclass
class Rows:
    """Everything that was told, not yet stored."""

    conversations: list[Conversation] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    outbox: list[Outbox] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    ratings: list[Rating] = field(default_factory=list)
    escalations: list[Escalation] = field(default_factory=list)
    steps: list[EscalationStep] = field(default_factory=list)
    audits: list[tuple[Conversation, str, Staff | None]] = field(default_factory=list)

    def store(self) -> None:
        """Insert the rows, parents first, and give their owners the load."""
        # Any: lists of different models.
        tables: list[list[Any]] = [
            self.conversations,
            self.entries,
            self.messages,
            self.outbox,
            self.assignments,
            self.transfers,
            self.mentions,
            self.ratings,
            self.escalations,
            self.steps,
        ]
        for rows in tables:
            if rows:
                type(rows[0]).objects.bulk_create(rows, batch_size=1000)
        self._store_audit()
        self._give_loads()
        indexing.index_later()
        _set_creation_times()

    def _store_audit(self) -> None:
        AuditEntry.objects.bulk_create(
            AuditEntry(
                actor=AuditEntry.Actor.STAFF if staff else AuditEntry.Actor.SYSTEM,
                staff=staff,
                action=action,
                subject="conversation",
                subject_id=conversation.pk,
                data={"demo": True},
            )
            for conversation, action, staff in self.audits
        )

    def _give_loads(self) -> None:
        loads: dict[int, Decimal] = defaultdict(Decimal)
        for assignment in self.assignments:
            if assignment.ended_at is None:
                loads[assignment.staff_id] += assignment.weight
        for staff_id, load in sorted(loads.items()):
            Staff.objects.filter(pk=staff_id).update(load=F("load") + load)


def _set_creation_times() -> None:
    """Write the times that the tables set to now by themselves."""
    at = Entry.objects.filter(message=OuterRef("pk")).values("at")
    Outbox.objects.update(created_at=Subquery(at), settled_at=Subquery(at))
    first = (
        Conversation.objects.filter(customer=OuterRef("pk"))
        .values("customer")
        .annotate(first=Min("opened_at"))
        .values("first")
    )
    met = Customer.objects.filter(conversations__isnull=False)
    met.update(created_at=Subquery(first))


class Story:
    """One conversation while it is told, in the order of time."""

    def __init__(
        self,
        rows: Rows,
        *,
        identity: Identity,
        channel: Channel,
        queue: Queue,
        topic: Topic,
        subject: str,
        urgency: int,
        language: str,
        opened_at: datetime,
    ) -> None:
        self.rows = rows
        self.assignment: Assignment | None = None
        self.escalation: Escalation | None = None
        self.mentions: list[Mention] = []
        self.answered_by: Staff | None = None
        self.conversation = Conversation(
            customer=identity.customer,
            identity=identity,
            channel=channel,
            subject=subject,
            state=State.QUEUED,
            priority="urgent" if urgency >= 80 else "high" if urgency >= 55 else "normal",
            urgency=urgency,
            topic=topic,
            topic_confidence=0.62 + (len(subject) % 7) / 20,
            language=language,
            department=topic.department,
            queue=queue,
            opened_at=opened_at,
            queued_at=opened_at,
        )
        rows.conversations.append(self.conversation)
        self.audit("conversation.opened")

    # Any: small JSON facts of an entry.
    def entry(self, kind: Entry.Kind, at: datetime, actor: Staff | None, **data: Any) -> Entry:
        """Append an entry with the next number."""
        self.conversation.last_number += 1
        entry = Entry(
            conversation=self.conversation,
            number=self.conversation.last_number,
            kind=kind,
            at=at,
            actor=actor,
            data=data,
        )
        self.rows.entries.append(entry)
        return entry

    def audit(self, action: str, staff: Staff | None = None) -> None:
        self.rows.audits.append((self.conversation, action, staff))

    def says(self, text: str, at: datetime) -> None:
        """Let the customer write."""
        told = self.conversation
        self._message(Direction.IN, text, at, None)
        if told.state in {State.WAITING, State.SNOOZED}:
            self._become(State.OPEN)
        told.waiting_since = told.waiting_since or at
        told.customer_seen_number = told.last_number
        self._newest(text, Direction.IN, at)

    def answers(self, staff: Staff, text: str, at: datetime) -> None:
        """Let a colleague answer; the customer reads it."""
        told = self.conversation
        message = self._message(Direction.OUT, text, at, staff)
        self.rows.outbox.append(
            Outbox(
                message=message,
                conversation=told,
                channel=told.channel,
                state=Delivery.READ,
                attempts=1,
                fence=1,
                provider_id=uuid4().hex,
            )
        )
        self.answered_by = staff
        told.first_replied_at = told.first_replied_at or at
        told.waiting_since = None
        told.owner_seen_number = told.customer_seen_number = told.last_number
        self._become(State.WAITING)
        self._newest(text, Direction.OUT, at)

    def notes(self, staff: Staff, text: str, at: datetime) -> Message:
        """Let a colleague write an internal note; it answers a mention of the writer."""
        message = self._message(Direction.NOTE, text, at, staff)
        for mention in self.mentions:
            if mention.staff == staff:
                mention.answered_at = mention.answered_at or at
                mention.seen_at = mention.seen_at or at
        return message

    def calls_in(self, by: Staff, staff: Staff, text: str, at: datetime) -> None:
        """Let a colleague call another one in by a note."""
        mention = Mention(
            conversation=self.conversation,
            entry=self.notes(by, text, at).entry,
            staff=staff,
            by=by,
            at=at,
            access_until=at + ACCESS_OF_A_MENTION,
        )
        self.mentions.append(mention)
        self.rows.mentions.append(mention)
        self.audit("conversation.mentioned", by)

    def assigned(self, staff: Staff, at: datetime, mode: str = Assignment.Mode.AUTOMATIC) -> None:
        """Give the conversation to somebody."""
        told = self.conversation
        self.assignment = Assignment(conversation=told, staff=staff, mode=mode, starts_at=at)
        self.rows.assignments.append(self.assignment)
        told.owner, told.queue, told.queued_at = staff, None, None
        told.state = State.OPEN
        self.entry(Entry.Kind.ASSIGNED, at, None, staff=staff.pk, mode=str(mode))
        self.audit("conversation.assigned")

    def handed_over(self, *, by: Staff, to: Staff, note: str, at: datetime) -> None:
        """Hand the conversation over to somebody of another department."""
        told = self.conversation
        self._end_assignment(Assignment.Ending.TRANSFERRED, at)
        facts = {"staff": to.pk, "department": None, "skill": None, "note": note}
        self.rows.transfers.append(
            Transfer(
                conversation=told,
                entry=self.entry(Entry.Kind.TRANSFERRED, at, by, **facts),
                by=by,
                from_staff=by,
                from_department=told.department,
                to_staff=to,
                note=note,
                at=at,
                undo_until=at + UNDO_OF_A_TRANSFER,
            )
        )
        self.audit("conversation.transferred", by)
        told.department = to.department
        self.assigned(to, at, Assignment.Mode.TRANSFER)

    def escalates(
        self, by: Staff | None, level: EscalationLevel, reason: str, at: datetime
    ) -> None:
        """Start a climb at its first level."""
        self.escalation = Escalation(
            conversation=self.conversation,
            path=level.path,
            state=Escalation.State.WAITING,
            reason=reason,
            by=by,
            started_at=at,
        )
        self.rows.escalations.append(self.escalation)
        self.climbs(level, at, by)

    def climbs(self, level: EscalationLevel, at: datetime, by: Staff | None = None) -> None:
        """Reach the next level, because somebody asked or the timer of the last one has run out."""
        climbing = self.escalation
        if climbing is None:
            raise ValueError("nothing was escalated")
        if by is None:
            self.rows.steps[-1].breached_at = at
        climbing.level, climbing.level_at, climbing.due_at = level, at, at + level.timer
        self.conversation.escalated_to = level.department
        self.rows.steps.append(
            EscalationStep(escalation=climbing, level=level, entered_at=at, due_at=climbing.due_at)
        )
        facts = {"level": level.pk, "order": level.order, "reason": climbing.reason}
        self.entry(Entry.Kind.ESCALATED, at, by, **facts)
        self.audit("conversation.escalated", by)

    def snoozes(self, staff: Staff, until: datetime, at: datetime) -> None:
        """Put the conversation aside until a time."""
        self._become(State.SNOOZED)
        self.conversation.snoozed_until = until
        self.entry(Entry.Kind.SNOOZED, at, staff, until=until.isoformat())
        self.audit("conversation.snoozed", staff)

    def resolves(self, staff: Staff, at: datetime) -> None:
        """End the episode."""
        told = self.conversation
        self._end_escalation(at, staff)
        self._end_mentions(at)
        self._end_assignment(Assignment.Ending.RESOLVED, at)
        told.state, told.owner, told.queue = State.RESOLVED, None, None
        told.waiting_since = told.queued_at = None
        told.resolved_at = at
        self.entry(Entry.Kind.RESOLVED, at, staff, episode=1, staff=staff.pk)
        self.audit("conversation.resolved", staff)

    def is_rated(self, score: int, reasons: list[str], comment: str, at: datetime) -> None:
        """Let the customer rate the episode."""
        self.rows.ratings.append(
            Rating(
                conversation=self.conversation,
                episode=1,
                staff=self.answered_by,
                score=score,
                reasons=reasons,
                comment=comment,
                at=at,
            )
        )
        self.entry(Entry.Kind.RATED, at, None, score=score)
        self.audit("conversation.rated")

    def closes(self, at: datetime) -> None:
        """Close it for good."""
        self.conversation.state = State.CLOSED
        self.conversation.closed_at = at
        self.entry(Entry.Kind.CLOSED, at, None)
        self.audit("conversation.closed")

    def _message(
        self, direction: Direction, text: str, at: datetime, actor: Staff | None
    ) -> Message:
        message = Message(
            entry=self.entry(Entry.Kind.MESSAGE, at, actor),
            conversation=self.conversation,
            direction=direction,
            text=text,
            language=self.conversation.language,
            client_ref=uuid4().hex,
        )
        self.rows.messages.append(message)
        return message

    def _newest(self, text: str, direction: Direction, at: datetime) -> None:
        self.conversation.last_text = text[:200]
        self.conversation.last_direction = direction
        self.conversation.last_message_at = at

    def _become(self, state: State) -> None:
        if self.assignment is None:
            return
        self.conversation.state = state
        self.conversation.snoozed_until = None
        self.assignment.weight = WEIGHTS[state]

    def _end_assignment(self, ending: str, at: datetime) -> None:
        if self.assignment is not None:
            self.assignment.ended_at, self.assignment.ending = at, ending
        self.assignment = None

    def _end_escalation(self, at: datetime, by: Staff) -> None:
        if self.escalation is None:
            return
        self.escalation.state = Escalation.State.RESOLVED
        self.escalation.due_at, self.escalation.ended_at = None, at
        self.conversation.escalated_to = None
        self.entry(Entry.Kind.ESCALATION_ENDED, at, by, state=str(Escalation.State.RESOLVED))
        self.audit("escalation.ended", by)

    def _end_mentions(self, at: datetime) -> None:
        if not self.mentions:
            return
        for mention in self.mentions:
            mention.ended_at = at
        staff = sorted(mention.staff_id for mention in self.mentions)
        self.entry(Entry.Kind.MENTION_ENDED, at, None, staff=staff)
        self.audit("conversation.access_ended")

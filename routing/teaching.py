"""Trains an organization's model of topics, and lets it serve when it is not worse than the one in use."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from time import monotonic

from django.db.models import Max
from django.utils import timezone

from helpdesk.tenancy import current_organization_id, organization_transaction
from routing import lessons, versions
from routing.facts import facts
from routing.lessons import Lesson
from routing.models import TopicModel, TopicTraining

logger = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
# What took too long will take as long again.
AFTER_TOO_LONG = timedelta(days=1)
# A model may be taught for so long; all that is done around it ends well before the lease does.
SECONDS = 300
LEASE = timedelta(minutes=15)
# A task that has not begun by then was lost.
BEGIN_WITHIN = timedelta(minutes=20)
# People resolve all the time: so many conversations more are something new.
LEAST_NEWER, NEWER_SHARE = 20, 0.02
Outcome = TopicTraining.Outcome


def is_due(now: datetime) -> bool:
    """Tell whether a task should see now if there is something to learn; it is then due again later.

    Due by the row: a task that is lost, or dies, is found again.
    """
    with organization_transaction():
        training = versions.training()
        if training.due_at > now or _is_busy(training, now):
            return False
        training.due_at = now + BEGIN_WITHIN
        training.save(update_fields=["due_at"])
    return True


def train() -> TopicTraining.Outcome | None:
    """Train, compare and decide for the organization in scope; returns what came of it.

    Returns None when there is nothing to do: another process is at it, it is not an hour ago, or
    nothing has changed. Bounded in time, so that a worker's thread always comes back.
    """
    started = timezone.now()
    training = _begin(started)
    if training is None:
        return None
    lesson, outcome = None, None
    try:
        with organization_transaction():
            lesson = lessons.gather()
        if training.asked_at or _is_news(lesson, training):
            outcome = _learn(lesson)
    except Exception:
        logger.exception("training of organization %s failed", current_organization_id())
        outcome = Outcome.FAILED
    finally:
        _end(started, lesson, outcome)
    return outcome


def _is_busy(training: TopicTraining, now: datetime) -> bool:
    return training.busy_until is not None and training.busy_until > now


def _begin(now: datetime) -> TopicTraining | None:
    """Take the lease; None while another process has it, or too early."""
    with organization_transaction():
        training = versions.training()
        is_early = training.ended_at is not None and training.ended_at > now - EVERY
        if _is_busy(training, now) or (is_early and not training.asked_at):
            return None
        training.busy_until = now + LEASE
        training.save(update_fields=["busy_until"])
    return training


def _end(started: datetime, lesson: Lesson | None, outcome: TopicTraining.Outcome | None) -> None:
    """Give the lease back and say when to look again."""
    now = timezone.now()
    with organization_transaction():
        training = versions.training()
        training.busy_until = None
        training.due_at = now + (AFTER_TOO_LONG if outcome == Outcome.TOO_SLOW else EVERY)
        if training.asked_at and training.asked_at > started:
            training.due_at = now
        else:
            training.asked_at = None
        if outcome is not None:
            training.outcome, training.ended_at = outcome, now
        if outcome is not None and lesson is not None:
            training.learned_from = lesson.fingerprint
            training.newest_learned_id = max(lesson.conversation_ids, default=0)
        training.save()


def _is_news(lesson: Lesson, training: TopicTraining) -> bool:
    """Tell whether people have said something, or resolved enough, since the last training."""
    if lesson.fingerprint != training.learned_from:
        return True
    newer = sum(pk > training.newest_learned_id for pk in lesson.conversation_ids)
    return newer >= max(LEAST_NEWER, NEWER_SHARE * len(lesson.conversation_ids))


def _learn(lesson: Lesson) -> TopicTraining.Outcome:
    # What learns and judges loads slowly, and only a worker that trains needs it.
    from routing.comparing import compare  # noqa: PLC0415
    from routing.kept_models import model_in_use  # noqa: PLC0415
    from routing.understanding.apart import Failed, TooSlow, fit_apart  # noqa: PLC0415
    from routing.understanding.storing import from_bytes  # noqa: PLC0415
    from routing.understanding.training import Example  # noqa: PLC0415

    if not lesson.is_enough:
        return Outcome.TOO_FEW
    started = monotonic()
    examples = [Example(one.text, str(one.topic_id)) for one in lesson.taught]
    names = {str(topic_id): name for topic_id, name in lesson.names.items()}
    try:
        content = fit_apart(examples, names, seconds=SECONDS)
    except TooSlow:
        return Outcome.TOO_SLOW
    except Failed as error:
        logger.error("training of organization %s: %s", current_organization_id(), error)
        return Outcome.FAILED
    figures = {
        "examples": len(examples),
        "topics": len({one.topic_id for one in lesson.taught}),
        "seconds": round(monotonic() - started, 1),
    }
    new = from_bytes(content)
    with organization_transaction():
        row, old, sources = _store(content, figures), model_in_use(), facts().sources
    comparison = compare(sources, lesson.held, new=new, old=old)
    _decide(row.pk, figures | comparison.figures(), is_worse=comparison.is_worse)
    return Outcome.TRAINED


def _store(content: bytes, figures: Mapping[str, float]) -> TopicModel:
    from routing.understanding.storing import FORMAT  # noqa: PLC0415  (slow to load)

    versions.training()
    newest = TopicModel.objects.aggregate(Max("number"))["number__max"] or 0
    row: TopicModel = TopicModel.objects.create(
        number=newest + 1,
        content=content,
        format=FORMAT,
        figures=dict(figures),
        trained_at=timezone.now(),
    )
    return row


def _decide(model_id: int, figures: Mapping[str, float], *, is_worse: bool) -> None:
    """Let a candidate serve unless it is worse, or an administrator has chosen an older one."""
    with organization_transaction():
        training = versions.training()
        row = TopicModel.objects.defer("content").get(pk=model_id)
        row.figures = dict(figures)
        row.save(update_fields=["figures"])
        if is_worse:
            versions.reject(row, versions.Reason.WORSE)
        elif not training.is_held:
            versions.put_into_use(row)
        versions.prune()

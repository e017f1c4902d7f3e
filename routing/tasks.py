"""What routing leaves to the workers."""

import logging
from datetime import datetime

from celery import Task, shared_task
from kombu.exceptions import OperationalError

from helpdesk.tenancy import current_organization_id, organization_scope
from routing import evidence, teaching
from routing.laboratory import trials

logger = logging.getLogger(__name__)


@shared_task(name="routing.train_topics")  # type: ignore[untyped-decorator]  # Celery ships no types
def train_topics(organization_id: int) -> None:
    """Train the organization's model of topics where there is something new to learn."""
    with organization_scope(organization_id):
        teaching.train()


@shared_task(name="routing.play_trials")  # type: ignore[untyped-decorator]  # Celery ships no types
def play_trials(organization_id: int) -> None:
    """Play the draft that an administrator of the organization wants to see tried out."""
    with organization_scope(organization_id):
        trials.play()


@shared_task(name="routing.reckon_skills")  # type: ignore[untyped-decorator]  # Celery ships no types
def reckon_skills(organization_id: int) -> None:
    """Reckon what the skills of the organization's people lately came to."""
    with organization_scope(organization_id):
        evidence.renew()


def start_due(now: datetime) -> int:
    """Have a worker look after the organization's model once that is due; returns how many were asked."""
    return _ask(train_topics) if teaching.is_due(now) else 0


def start_reckoning(now: datetime) -> int:
    """Have a worker reckon the organization's evidence once that is due; returns how many were asked."""
    return _ask(reckon_skills) if evidence.is_due(now) else 0


def _ask(task: Task) -> int:
    try:
        task.apply_async((current_organization_id(),), retry=False)
    except OperationalError:
        # The row says when it is due again.
        logger.warning("no worker could be asked for %s", task.name)
        return 0
    return 1

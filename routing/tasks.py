"""What routing leaves to the workers."""

import logging
from datetime import datetime

from celery import shared_task
from kombu.exceptions import OperationalError

from helpdesk.tenancy import current_organization_id, organization_scope
from routing import teaching
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


def start_due(now: datetime) -> int:
    """Have a worker look after the organization's model once that is due; returns how many were asked."""
    if not teaching.is_due(now):
        return 0
    try:
        train_topics.apply_async((current_organization_id(),), retry=False)
    except OperationalError:
        # The row says when it is due again.
        logger.warning("no worker could be asked to train a model of topics")
        return 0
    return 1

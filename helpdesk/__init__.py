"""The core: who, what, when."""

from helpdesk.celery import app as celery_app

__all__ = ["celery_app"]

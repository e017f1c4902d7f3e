"""Celery carries heavy and calendar work; nothing is lost when it loses a task."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")

app = Celery("everydesk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

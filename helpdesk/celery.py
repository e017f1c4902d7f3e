"""Celery carries heavy and calendar work; nothing is lost when it loses a task."""

import os
from datetime import timedelta
from typing import Any

from celery import Celery, Task

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "helpdesk.settings")

# Tasks run in threads, which nobody can end: each must end by itself, batch by batch.
STATEMENT_LIMIT = timedelta(seconds=60)


class BoundedTask(Task):  # type: ignore[misc]  # Celery ships no types
    """A task whose statements end in time."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # Any: whatever the task takes
        from helpdesk.tenancy import limited_statements  # noqa: PLC0415  (needs settings)

        with limited_statements(STATEMENT_LIMIT):
            return super().__call__(*args, **kwargs)


app = Celery("everydesk", task_cls=BoundedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

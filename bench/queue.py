"""One look that gives one conversation to somebody who has just become free, with few and with very many waiting."""

import math
import random
import time

from psycopg import sql

from bench.table import Figure, middle

FEW, MANY = 1_000, 100_000
COPY = "everydesk_many"
LOOKS, ROUNDS = 40, 3
LIMIT_GROWTH = 0.2

# What waits: finished conversations taken out again, of every topic, urgency and age.
WAIT = """
UPDATE helpdesk_conversation c SET state = 'queued', owner_id = NULL, thread_key = 'bench-' || c.id,
  department_id = t.department_id, queue_id = q.id, urgency = 20 + c.id * 7919 %% 60,
  queued_at = now() - interval '1 second' * (c.id * 104729 %% 36000), waiting_since = now() - interval '1 minute',
  route_at = NULL, resolved_at = NULL, closed_at = NULL
FROM helpdesk_topic t, (SELECT organization_id, min(id) AS id FROM helpdesk_queue GROUP BY 1) q
WHERE t.id = c.topic_id AND q.organization_id = c.organization_id AND c.organization_id = %s AND c.id IN (
  SELECT id FROM helpdesk_conversation WHERE state IN ('resolved', 'closed') AND topic_id IS NOT NULL
  AND organization_id = %s ORDER BY id LIMIT %s)"""
NOBODY_WAITS = """
UPDATE helpdesk_conversation SET state = 'closed', queue_id = NULL, queued_at = NULL, route_at = NULL
WHERE state = 'queued' AND organization_id = %s"""
STILL = "UPDATE helpdesk_conversation SET route_at = NULL WHERE organization_id = %s AND route_at IS NOT NULL"
THERE = """
UPDATE helpdesk_presence SET status = 'online', lease_until = now() + interval '1 hour' WHERE organization_id = %s"""
FULL = """
UPDATE helpdesk_staff SET capacity = GREATEST(load, 1), load = GREATEST(load, 1), languages = '{zh,en}'
WHERE organization_id = %s"""


def measure() -> list[Figure]:
    """Measure both lengths in turns, so that a slow minute of the machine hits both alike."""
    from bench.measures import services, temporary_home  # noqa: PLC0415  (imports us)

    with temporary_home() as home, services(home):
        from bench import company  # noqa: PLC0415  (needs loaded apps)

        organization_id = company.prepare_small()
        company.grow(organization_id, to=MANY + MANY // 2, kinds=company.BARE)
        company.copy_database(COPY)
        here = company.database_name()
        lengths = {here: FEW, COPY: MANY}
        for name, length in lengths.items():
            with company.database(name):
                _furnish(organization_id, length)
        spent: dict[str, list[float]] = {name: [] for name in lengths}
        for _ in range(ROUNDS):
            for name in lengths:
                with company.database(name):
                    spent[name] += _looks(organization_id)
        few, many = middle(spent[here]), middle(spent[COPY])
    growth = math.log(many / few) / math.log(MANY / FEW)
    return [
        Figure(f"one look with {FEW:,} waiting", 1000 * few, "ms"),
        Figure(f"one look with {MANY:,} waiting", 1000 * many, "ms"),
        Figure("growth with the queue, exponent from 1,000 to 100,000", growth, "", LIMIT_GROWTH),
    ]


def _furnish(organization_id: int, length: int) -> None:
    """Have this many wait for people who are all there and full."""
    from bench import company  # noqa: PLC0415  (as above)
    from deploy.test_databases import owner_connection  # noqa: PLC0415  (needs loaded apps)
    from helpdesk.tenancy import SETTING  # noqa: PLC0415  (as above)

    with owner_connection(company.database_name()) as owner:
        owner.execute("SELECT set_config(%s, %s, false)", [SETTING, str(organization_id)])
        owner.execute("DELETE FROM helpdesk_workingperiod")
        for statement in (NOBODY_WAITS, STILL, THERE, FULL):
            owner.execute(sql.SQL(statement), [organization_id])
        done = owner.execute(WAIT, [organization_id, organization_id, length])
        if done.rowcount != length:
            raise RuntimeError(f"only {done.rowcount} of {length} wait")
        owner.execute("VACUUM ANALYZE")


def _looks(organization_id: int) -> list[float]:
    """Return the seconds of looks, before each of which one person has become free."""
    from django.db.models import F  # noqa: PLC0415  (needs loaded apps)

    from helpdesk.models import Conversation, Staff  # noqa: PLC0415  (as above)
    from helpdesk.tenancy import organization_transaction  # noqa: PLC0415  (as above)
    from routing import engine  # noqa: PLC0415  (as above)

    luck, seconds = random.Random(7), []
    with organization_transaction(organization_id):
        answering = list(
            Conversation.objects.filter(owner__isnull=False).values_list("owner_id", flat=True)
        )
    for number in range(LOOKS + 5):
        with organization_transaction(organization_id):
            Staff.objects.filter(pk=luck.choice(answering)).update(capacity=F("load") + 1)
        started = time.perf_counter()
        placed = engine.route(organization_id).placed
        if placed and number >= 5:
            seconds.append(time.perf_counter() - started)
    if len(seconds) < LOOKS // 2:
        raise RuntimeError(f"only {len(seconds)} looks gave anything to anybody")
    return seconds

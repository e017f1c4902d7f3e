"""What is known of a customer with 10,000 messages, read and shown beside a conversation."""

import time
from statistics import median

from bench.table import Figure

MESSAGES = 10_000
REPEATS = 20
LIMIT_CPU_MS = 40
LIMIT_QUERIES = 8
# The customer of one conversation of Jia's is the customer of so many more.
GATHER = """
    WITH held AS (
        SELECT conversation.id, conversation.customer_id FROM helpdesk_conversation conversation
        JOIN helpdesk_staff staff ON staff.id = conversation.owner_id
        JOIN helpdesk_user person ON person.id = staff.user_id
        WHERE person.email = 'jia.chen@heguang.example'
        ORDER BY conversation.last_number DESC LIMIT 1)
    UPDATE helpdesk_conversation SET customer_id = held.customer_id FROM held
    WHERE helpdesk_conversation.id IN (
        SELECT id FROM helpdesk_conversation ORDER BY id DESC LIMIT %s)
    RETURNING held.id"""


def measure() -> list[Figure]:
    """Measure the fragment that is fetched anew when something changed, and its own queries."""
    from bench.measures import services, temporary_home  # noqa: PLC0415  (imports us)

    with temporary_home() as home, services(home):
        from bench import company  # noqa: PLC0415  (needs loaded apps)

        organization_id = company.prepare_small()
        company.grow(organization_id, to=MESSAGES)
        return _figures(organization_id, _gather(organization_id))


def _gather(organization_id: int) -> int:
    """Give one customer as many messages; returns their conversation that Jia holds."""
    from bench import company  # noqa: PLC0415  (needs loaded apps)
    from deploy.test_databases import owner_connection  # noqa: PLC0415
    from helpdesk.tenancy import SETTING  # noqa: PLC0415

    with owner_connection(company.database_name()) as owner:
        owner.execute("SELECT set_config(%s, %s, false)", [SETTING, str(organization_id)])
        counted = "SELECT count(*)::float / count(DISTINCT conversation_id) FROM helpdesk_message"
        each = float(str((owner.execute(counted).fetchone() or (1,))[0]))
        (held,) = owner.execute(GATHER, [int(MESSAGES / each) + 1]).fetchone() or (0,)
        owner.execute("ANALYZE helpdesk_conversation")
    return int(str(held))


def _figures(organization_id: int, conversation_id: int) -> list[Figure]:
    from bench.pages import Reader, counted  # noqa: PLC0415  (needs loaded apps)
    from helpdesk.access import access_of  # noqa: PLC0415
    from helpdesk.models import Conversation, Message, Staff  # noqa: PLC0415
    from helpdesk.portal.known import read_known  # noqa: PLC0415
    from helpdesk.tenancy import organization_transaction  # noqa: PLC0415

    reader = Reader(organization_id)
    spent = []
    for _round in range(REPEATS):
        started = time.process_time()
        answer = reader.client.get(
            f"/conversations/{conversation_id}/context/", headers={"hx-request": "true"}
        )
        spent.append((time.process_time() - started) * 1000)
        assert answer.status_code == 200, answer.status_code
    with organization_transaction(organization_id):
        found = Conversation.objects.get(pk=conversation_id)
        staff = Staff.objects.get(user__email="jia.chen@heguang.example")
        said = Message.objects.filter(conversation__customer=found.customer_id).count()
        access = access_of(staff)
        read_known(access, found)
        with counted() as seen:
            read_known(access, found)
    return [
        Figure("messages of the customer", said, ""),
        Figure("panel: the whole fragment, median", median(spent), "CPU ms", LIMIT_CPU_MS),
        Figure("panel: queries", len(seen), "", LIMIT_QUERIES),
    ]

"""What a search costs among 100,000 messages, for people who see much, some and little of them."""

import time
from statistics import quantiles

from psycopg import sql

from bench.table import Figure

MESSAGES = 100_000
ROUNDS = 5
# The goal is 300 ms among five million; half of it is left for what grows with their number.
LIMIT_MS = 150
# Asked once more where a wrong letter is forgiven.
LIMIT_QUERIES = 14
# Common and rare, short and long, in both languages, several at once, with a wrong letter, and nowhere.
QUESTIONS = (
    *("退款", "网关", "退", "发票 订单", "怎么退货", "物流信息一直没有更新", "不存在的词语"),
    *("order", "refund", "the", "gate", "refnud", "gatewya offline", "zzyzx", "hg-2"),
    *('"我要退款"', "订单 order", "from:陈", "退款 from:林"),
)
# Copies of one day each, spread over it.
SPREAD = "UPDATE helpdesk_entry SET at = at - (id / %s) * interval '1 day' - (id %% 86400) * interval '1 second'"


def measure() -> list[Figure]:
    """Measure every question of every person, each several times."""
    from bench.measures import services, temporary_home  # noqa: PLC0415  (imports us)

    with temporary_home() as home, services(home):
        from bench import company  # noqa: PLC0415  (needs loaded apps)
        from helpdesk.models import Message  # noqa: PLC0415
        from helpdesk.tenancy import organization_transaction  # noqa: PLC0415

        organization_id = company.prepare_small()
        with organization_transaction(organization_id):
            each = Message.objects.count()
        company.grow(organization_id, to=_conversations(organization_id) * MESSAGES // each)
        rate = _take_in(organization_id)
        return [*_figures(organization_id), Figure("messages taken in a second", rate, "/s")]


def _conversations(organization_id: int) -> int:
    from helpdesk.models import Conversation  # noqa: PLC0415  (needs loaded apps)
    from helpdesk.tenancy import organization_transaction  # noqa: PLC0415

    with organization_transaction(organization_id):
        return Conversation.objects.count()


def _take_in(organization_id: int) -> float:
    """Spread the copies over time and let them be found; returns how many were taken in a second."""
    from bench import company  # noqa: PLC0415  (needs loaded apps)
    from deploy.test_databases import owner_connection  # noqa: PLC0415
    from helpdesk.services import indexing  # noqa: PLC0415
    from helpdesk.tenancy import SETTING, organization_scope  # noqa: PLC0415

    name = company.database_name()
    with owner_connection(name) as owner:
        owner.execute("SELECT set_config(%s, %s, false)", [SETTING, str(organization_id)])
        owner.execute(SPREAD, [company.STRIDE])
    indexing.BATCH = 5_000
    started, taken = time.monotonic(), 0
    with organization_scope(organization_id):
        while True:
            count = indexing.index_due(None)  # type: ignore[arg-type]  # it does not ask for the time
            taken += count
            if not count:
                break
    rate = taken / (time.monotonic() - started)
    with owner_connection(name) as owner:
        for table in ("messagewords", "message", "entry", "conversation"):
            owner.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(f"helpdesk_{table}")))
    return rate


def _figures(organization_id: int) -> list[Figure]:
    from bench.pages import counted  # noqa: PLC0415  (needs loaded apps)
    from helpdesk.access import access_of  # noqa: PLC0415
    from helpdesk.models import Message, Staff  # noqa: PLC0415
    from helpdesk.permissions import CONVERSATION_VIEW  # noqa: PLC0415
    from helpdesk.reports.message_search import Wanted, find_messages  # noqa: PLC0415
    from helpdesk.search.asking import parse  # noqa: PLC0415
    from helpdesk.tenancy import organization_transaction  # noqa: PLC0415

    with organization_transaction(organization_id):
        found = Message.objects.count()
        everybody = [access_of(each) for each in Staff.objects.filter(is_active=True)]
        everybody.sort(key=lambda each: len(each.allowed(CONVERSATION_VIEW)))
        people = [everybody[0], everybody[len(everybody) // 2], everybody[-1]]
        spent, most = [], 0
        for _round in range(ROUNDS):
            for access in people:
                for question in QUESTIONS:
                    started = time.monotonic()
                    with counted() as seen:
                        find_messages(access, Wanted(query=parse(question)))
                    spent.append(1000 * (time.monotonic() - started))
                    most = max(most, len(seen))
    median, p95 = quantiles(spent, n=100)[49], quantiles(spent, n=100)[94]
    return [
        Figure(f"a search among {found:,} messages, median", median, "ms"),
        Figure("a search, 95 of 100", p95, "ms", LIMIT_MS),
        Figure("the slowest search", max(spent), "ms"),
        Figure("queries of a search", most, "", LIMIT_QUERIES),
    ]

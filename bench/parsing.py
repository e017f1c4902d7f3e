"""What a call of each vendor costs before it is stored: verifying and reading it, without a database."""

import time
from statistics import median

from bench.table import Figure

CALLS, ROUNDS, LIMIT_CPU_MS = 200, 5, 2.0


def measure() -> list[Figure]:
    """Measure every kind whose vendor calls us and is played."""
    from bench.measures import services, temporary_home  # noqa: PLC0415  (imports us)

    with temporary_home() as home, services(home):
        from tests.channels_app.contract import CALLING  # noqa: PLC0415  (needs loaded apps)
        from tests.channels_app.contract_cases import CASES  # noqa: PLC0415  (as above)

        costs = {kind: _cpu_ms(kind) for kind in CALLING if CASES[kind].vendor}
    return [
        Figure(f"{kind}: a call verified and read, CPU", cost, "ms", LIMIT_CPU_MS)
        for kind, cost in sorted(costs.items(), key=lambda each: -each[1])
    ]


def _cpu_ms(kind: str) -> float:
    """Return the middle of some rounds, each of as many calls as a busy channel has in seconds."""
    from tests.channels_app import contract  # noqa: PLC0415  (as above)
    from tests.channels_app.contract_cases import CASES  # noqa: PLC0415  (as above)

    calls = [
        contract.request(kind, body=CASES[kind].body(contract.reference(number)))
        for number in range(CALLS)
    ]
    config = contract.config_of(kind)
    rounds = []
    for _each in range(ROUNDS):
        began = time.process_time()
        for call in calls:
            # A door makes its adapter anew for every call.
            adapter = contract.adapter(kind, config)
            adapter.verify(call)
            adapter.parse(call)
        rounds.append((time.process_time() - began) / CALLS * 1000)
    return median(rounds)

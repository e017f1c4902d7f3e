"""Trees of rows that name their parent."""

from collections.abc import Iterable


def subtrees(rows: Iterable[tuple[int, int | None]]) -> dict[int, set[int]]:
    """Return, for each node of (id, parent id) rows, the ids of the node and of all below it."""
    parents = dict(rows)
    found: dict[int, set[int]] = {node: set() for node in parents}
    for node in parents:
        above: int | None = node
        seen: set[int] = set()
        while above is not None and above in parents and above not in seen:
            seen.add(above)
            found[above].add(node)
            above = parents[above]
    return found

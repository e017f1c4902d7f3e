"""How often somebody may do something."""

import pytest

from channels_app import limits
from helpdesk.errors import TooMany


@pytest.fixture(autouse=True)
def counted_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_count", limits._count_here)
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_000.0)
    limits._local.clear()


def spend(address: str, who: str) -> None:
    limits.spend("try", (100, 2), who=who, address=address, public_id="p")


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"),
        ("2001:db8:1:2::1%eth0", "2001:DB8:1:2::7", "2001:db8:1:3::1"),
        ("203.0.113.7", "::ffff:203.0.113.7", "203.0.113.8"),
        ("no address", "no address", "another"),
    ],
)
def test_an_address_counts_with_those_its_holder_has_too(first: str, same: str, other: str) -> None:
    spend(first, "a")
    spend(same, "b")
    with pytest.raises(TooMany):
        spend(same, "c")
    spend(other, "d")

"""What speaks for giving conversations to people: parts from 0 to 1, for all of them and all of those together.

A scorer is a pure function from what is asked to a table of needs by people, or to one column or row that
holds for all. More of them join by `helpdesk.registries.scorers`; a policy's weights say what each
is worth. Sums go skill by skill, so that a pair is worth the same to the last bit whoever else is asked about.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np

from helpdesk.registries import scorers
from routing.candidates import Need, Past
from routing.deciding.team import Floats, Ints, Shares, Team, hundredths

HISTORY_FADES_AFTER = timedelta(days=180)
# A skilled answer takes so much less time than an unskilled one, in shares of the usual.
UNSKILLED_TIME, SKILL_SAVES = 1.35, 0.5
# A price at which a person is as good as taken, in shares of the skill scale.
DEAREST = 1.0
# So many conversations for each one of capacity count as given before the first: few say little.
GIVEN_BEFORE = 2.0


@dataclass(frozen=True, eq=False)
class Asked:
    """Needs and people to be compared at one instant, in seconds since 1970."""

    team: Team
    needs: Sequence[Need]
    # The rows of the team that matter, in order.
    rows: Ints
    now: float

    @cached_property
    def fit(self) -> Shares:
        """Return how high the needed levels are, each by its share; half where no skill is needed."""
        found = np.zeros((len(self.needs), len(self.rows)), dtype=np.float32)
        is_everybody = len(self.rows) == len(self.team)
        for wanted in sorted({each for need in self.needs for each in need.skills}):
            fits = self.team.fits.get(wanted)
            if fits is not None:
                fits = fits if is_everybody else fits[self.rows]
                for at, need in enumerate(self.needs):
                    if wanted in need.skills:
                        found[at] += _share(need, wanted) * fits
        for at, need in enumerate(self.needs):
            if not need.skills:
                found[at] = 0.5
        return found

    @cached_property
    def weights(self) -> Ints:
        """Return the weight of each conversation in hundredths, as a column."""
        return np.array([[hundredths(need.weight)] for need in self.needs], dtype=np.int64)


Scorer = Callable[[Asked], Floats | Shares]


def _share(need: Need, skill_id: int) -> float:
    return need.shares.get(skill_id, 1 / len(need.skills))


def skill(asked: Asked) -> Shares:
    """Return how high the needed levels are."""
    return asked.fit


def history(asked: Asked) -> Floats:
    """Return how well each and the customer know each other: recent and well rated counts most."""
    found = np.zeros((len(asked.needs), len(asked.rows)))
    now = datetime.fromtimestamp(asked.now, UTC)
    for at, need in enumerate(asked.needs):
        for staff_id, past in need.pasts.items():
            column = _column(asked, staff_id)
            if column is not None:
                found[at, column] = known(past, now)
    return found


def _column(asked: Asked, staff_id: int) -> int | None:
    row = asked.team.row_of(staff_id)
    if row is None:
        return None
    column = int(np.searchsorted(asked.rows, row))
    return column if column < len(asked.rows) and asked.rows[column] == row else None


def known(past: Past, now: datetime) -> float:
    """Return what one past is worth; badly rated nothing, and all of it less with time."""
    age = max(now - past.last_at, timedelta(0)) / HISTORY_FADES_AFTER
    liked = 0.7 if past.stars is None else {5: 1.0, 4: 0.85, 3: 0.4}.get(round(past.stars), 0.0)
    return liked * max(0.0, 1.0 - 0.5 * age)


def language(asked: Asked) -> Floats:
    """Return 1 for the person's first language, less for a further one; all are equal when it is unknown."""
    found = np.ones((len(asked.needs), len(asked.rows)))
    unsaid = np.where(asked.team.has_languages[asked.rows], 0.0, 0.5)
    codes = [need.language for need in asked.needs]
    for code in set(codes) - {"", "other"}:
        ranks = asked.team.languages.get(code)
        here = np.full(len(asked.rows), -1) if ranks is None else ranks[asked.rows]
        spoken = np.where(here < 0, unsaid, np.where(here == 0, 1.0, 0.8))
        found[[each == code for each in codes]] = spoken
    return found


def place(asked: Asked) -> Floats:
    """Return 1 in the customer's own place; a little when either place is unknown."""
    numbers = [
        asked.team.place_numbers.get(need.place.casefold(), -1) if need.place else 0
        for need in asked.needs
    ]
    wanted, places = np.array(numbers).reshape(-1, 1), asked.team.places[asked.rows]
    is_unknown = (wanted == 0) | (places == 0)
    return np.where(is_unknown, 0.3, np.where(places == wanted, 1.0, 0.0))


def load(asked: Asked) -> Floats:
    """Return which part of the capacity would still be free afterwards."""
    left = asked.team.free[asked.rows] - asked.weights
    return np.asarray(left / np.maximum(asked.team.capacity[asked.rows], 1), dtype=np.float64)


def fairness(asked: Asked) -> Floats:
    """Return how little recent work each has had for their capacity: half for the usual, nothing for twice that."""
    team, usual = asked.team, asked.team.usual_recent
    had = 100 * team.recent[asked.rows] / np.maximum(team.capacity[asked.rows], 1)
    share = (had + GIVEN_BEFORE) / (usual + GIVEN_BEFORE) / 2
    return np.asarray(1.0 - share, dtype=np.float64).reshape(1, -1)


def scarcity(asked: Asked) -> Floats:
    """Return how little the person's time is worth elsewhere now; skilled answers take less of it."""
    time = UNSKILLED_TIME - SKILL_SAVES * asked.fit.astype(np.float64)
    return np.asarray(1.0 - asked.team.price[asked.rows] * time / DEAREST, dtype=np.float64)


# What these depend on besides people and their loads; the others differ with every need.
ASKED_BY: dict[str, Callable[[Need], Hashable]] = {
    "language": lambda need: need.language,
    "place": lambda need: need.place.casefold(),
    "load": lambda need: need.weight,
    "fairness": lambda _need: "",
}
BUILT_IN: dict[str, Scorer] = {
    "skill": skill,
    "history": history,
    "language": language,
    "place": place,
    "load": load,
    "fairness": fairness,
    "scarcity": scarcity,
}


def available() -> dict[str, Scorer]:
    """Return all parts by name, in the order in which people read them."""
    more = scorers.items()
    return BUILT_IN | dict(more) if more else BUILT_IN

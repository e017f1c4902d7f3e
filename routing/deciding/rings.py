"""Who of a team is inside a ring."""

import numpy as np

from routing.deciding.demands import Demand, Every, Has, Lacks, Ring
from routing.deciding.team import Flags, Team


def inside(team: Team, ring: Ring) -> Flags:
    """Tell who is inside a ring."""
    stands = team.kept(("ring", ring), lambda: _stands_inside(team, ring))
    if ring.most_load_percent is None:
        return stands
    most = ring.most_load_percent
    light = team.kept_of_loads(("load", most), lambda: _carries_at_most(team, most))
    return np.asarray(stands & light, dtype=np.bool_)


def _stands_inside(team: Team, ring: Ring) -> Flags:
    found = np.ones(len(team), dtype=np.bool_)
    if ring.skills is not None:
        found &= met(ring.skills, team)
    if ring.departments:
        found &= np.isin(team.departments, list(ring.departments))
    if ring.places:
        numbers = [team.place_numbers[name] for name in ring.places if name in team.place_numbers]
        found &= np.isin(team.places, numbers)
    return found


def _carries_at_most(team: Team, percent: int) -> Flags:
    used = team.capacity - team.free
    return np.asarray(100 * used <= percent * np.maximum(team.capacity, 1), dtype=np.bool_)


def met(demand: Demand, team: Team) -> Flags:
    """Tell who meets what is demanded of skills."""
    if isinstance(demand, Has):
        levels = team.levels.get(demand.skill)
        if levels is None:
            return np.zeros(len(team), dtype=np.bool_)
        return np.asarray(levels >= demand.level, dtype=np.bool_)
    if isinstance(demand, Lacks):
        return ~met(demand.part, team)
    join = np.logical_and if isinstance(demand, Every) else np.logical_or
    return np.asarray(join.reduce([met(part, team) for part in demand.parts]), dtype=np.bool_)

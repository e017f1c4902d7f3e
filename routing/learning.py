"""Learning slots: a share of what is easy is asked of people in training first, with a colleague behind them.

Nobody is waited for: while no learner has room, or nobody is there to stand behind, everybody is asked at once.
"""

from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

import numpy as np

from helpdesk.services.practices import Practice
from routing.candidates import FULL, Need
from routing.deciding.filters import BITS, codes
from routing.deciding.team import Ints, Team
from routing.facts import Facts, TopicRule
from routing.models import Policy

# Nobody learns with what is more urgent, nor once more of its time has passed.
EASY_BELOW = 60
LATEST = 0.5
# Who stands behind somebody is at least so good.
LEAST_LEVEL = 3
# So many are kept, should the first not be there any more.
MOST_BEHIND = 5


def practice(need: Need, team: Team, known: Facts, now: datetime) -> Practice | None:
    """Return what somebody in training learns with a conversation that nobody is to have; None for most.

    The same conversation is drawn or not drawn in every look of an episode.
    """
    if not known.has_practice or not is_drawn(need, known.policy(need.department_id, now)):
        return None
    return possible(need, team, known, now)


def possible(need: Need, team: Team, known: Facts, now: datetime) -> Practice | None:
    """Return the same whether or not it is drawn."""
    policy, rule = known.policy(need.department_id, now), known.rules.get(need.topic_id or 0)
    if rule is None or not policy.learning_percent or not is_easy(need, rule, policy, now):
        return None
    found = standing_by(need, team, known, now)
    if found is None:
        return None
    asked = codes(team, replace(need, practice=found), now.timestamp())
    return found if (asked == 0).any() else None


def standing_by(need: Need, team: Team, known: Facts, now: datetime) -> Practice | None:
    """Return who could stand behind somebody with a conversation, and what is learned; None where nobody could."""
    rule = known.rules.get(need.topic_id or 0)
    behind = _behind(team, need, rule, now) if rule and rule.skill_id else ()
    return Practice(rule.skill_id, behind) if rule and rule.skill_id and behind else None


def is_drawn(need: Need, policy: Policy) -> bool:
    """Tell whether a conversation is one of the share: told by its number and episode alone."""
    if not policy.learning_percent:
        return False
    text = f"{need.conversation_id}.{need.episode}"
    drawn = int.from_bytes(blake2b(text.encode(), digest_size=4).digest()) % 10_000
    return drawn < 100 * policy.learning_percent


def is_easy(need: Need, rule: TopicRule, policy: Policy, now: datetime) -> bool:
    """Tell whether a conversation is one to learn with: nothing but the topic's skill, calm, and in good time."""
    return (
        rule.skill_id is not None
        and set(need.skills) == {rule.skill_id}
        and not need.is_special
        and need.urgency < EASY_BELOW
        and policy.rules.lateness(need, now.timestamp()) <= LATEST
    )


def _behind(team: Team, need: Need, rule: TopicRule, now: datetime) -> tuple[int, ...]:
    """Return who could stand behind somebody with this: those behind fewest first, then the best, then the freest."""
    key = ("behind", need.department_id, need.topic_id)
    rows: Ints = team.kept_of_loads(key, lambda: _rows_behind(team, need, rule, now))
    return tuple(int(team.ids[row]) for row in rows)


def _rows_behind(team: Team, need: Need, rule: TopicRule, now: datetime) -> Ints:
    skill = rule.skill_id or 0
    standing = Need(
        conversation_id=0,
        department_id=need.department_id,
        topic_id=need.topic_id,
        skills={skill: max(rule.minimum_level, LEAST_LEVEL)},
        certificate=need.certificate,
    )
    able = (codes(team, standing, now.timestamp()) & ~BITS[FULL]) == 0
    is_learning = team.learning.get(skill)
    rows = np.flatnonzero(able if is_learning is None else able & ~is_learning)
    levels = team.levels[skill][rows] if skill in team.levels else np.zeros(len(rows))
    keys = (team.ids[rows], -team.free[rows], -levels, team.stands_behind[rows])
    return np.asarray(rows[np.lexsort(keys)][:MOST_BEHIND], dtype=np.int64)

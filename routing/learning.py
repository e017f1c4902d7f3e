"""Learning slots: a share of what is easy is asked of people in training first, with a colleague behind them.

Nobody is waited for: while no learner has room, or nobody is there to stand behind, everybody is asked at once.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

import numpy as np

from helpdesk.services.practices import Practice
from routing.candidates import FULL, Need
from routing.deciding.filters import BITS, codes
from routing.deciding.rules import Rules
from routing.deciding.team import Ints, Team
from routing.facts import TopicRule

# Nobody learns with what is more urgent, nor once more of its time has passed.
EASY_BELOW = 60
LATEST = 0.5
# Who stands behind somebody is at least so good.
LEAST_LEVEL = 3
# So many are kept, should the first not be there any more.
MOST_BEHIND = 5


Topics = Mapping[int, TopicRule]


def practice(
    need: Need, team: Team, topics: Topics, rules: Rules, now: datetime
) -> Practice | None:
    """Return what somebody in training learns with a conversation that nobody is to have; None for most.

    The same conversation is drawn or not drawn in every look of an episode.
    """
    if not team.learning or not is_drawn(need, rules):
        return None
    return possible(need, team, topics, rules, now)


def possible(
    need: Need, team: Team, topics: Topics, rules: Rules, now: datetime
) -> Practice | None:
    """Return the same whether or not it is drawn."""
    topic = topics.get(need.topic_id or 0)
    if topic is None or not rules.learning_percent or not is_easy(need, topic, rules, now):
        return None
    found = standing_by(need, team, topics, now)
    if found is None:
        return None
    asked = codes(team, replace(need, practice=found), now.timestamp())
    return found if (asked == 0).any() else None


def standing_by(need: Need, team: Team, topics: Topics, now: datetime) -> Practice | None:
    """Return who could stand behind somebody with a conversation, and what is learned; None where nobody could."""
    topic = topics.get(need.topic_id or 0)
    behind = _behind(team, need, topic, now) if topic and topic.skill_id else ()
    return Practice(topic.skill_id, behind) if topic and topic.skill_id and behind else None


def is_drawn(need: Need, rules: Rules) -> bool:
    """Tell whether a conversation is one of the share: told by its number and episode alone."""
    if not rules.learning_percent:
        return False
    text = f"{need.conversation_id}.{need.episode}"
    drawn = int.from_bytes(blake2b(text.encode(), digest_size=4).digest()) % 10_000
    return drawn < 100 * rules.learning_percent


def is_easy(need: Need, topic: TopicRule, rules: Rules, now: datetime) -> bool:
    """Tell whether a conversation is one to learn with: nothing but the topic's skill, calm, and in good time."""
    return (
        topic.skill_id is not None
        and set(need.skills) == {topic.skill_id}
        and not need.is_special
        and need.urgency < EASY_BELOW
        and rules.lateness(need, now.timestamp()) <= LATEST
    )


def _behind(team: Team, need: Need, topic: TopicRule, now: datetime) -> tuple[int, ...]:
    """Return who could stand behind somebody with this: those behind fewest first, then the best, then the freest."""
    key = ("behind", need.department_id, need.topic_id)
    rows: Ints = team.kept_of_loads(key, lambda: _rows_behind(team, need, topic, now))
    return tuple(int(team.ids[row]) for row in rows)


def _rows_behind(team: Team, need: Need, topic: TopicRule, now: datetime) -> Ints:
    skill = topic.skill_id or 0
    standing = Need(
        conversation_id=0,
        department_id=need.department_id,
        topic_id=need.topic_id,
        skills={skill: max(topic.minimum_level, LEAST_LEVEL)},
        certificate=need.certificate,
    )
    able = (codes(team, standing, now.timestamp()) & ~BITS[FULL]) == 0
    is_learning = team.learning.get(skill)
    rows = np.flatnonzero(able if is_learning is None else able & ~is_learning)
    levels = team.levels[skill][rows] if skill in team.levels else np.zeros(len(rows))
    keys = (team.ids[rows], -team.free[rows], -levels, team.stands_behind[rows])
    return np.asarray(rows[np.lexsort(keys)][:MOST_BEHIND], dtype=np.int64)

"""Somebody in training, who they learn from, and what they see of each other."""

import pytest

from helpdesk.models import StaffSkill, Topic
from routing import learning
from routing.models import Policy
from tests.factories import World


@pytest.fixture
def skill(world: World) -> int:
    """Carol is good at refunds, Dave learns it below the level that the topic asks for."""
    skill = world.skill("退款", carol=4, dave=1)
    with world.transaction():
        StaffSkill.objects.filter(staff=world.dave).update(is_learning=True)
        Topic.objects.filter(name="退货").update(skill=skill, minimum_level=3)
        Policy.objects.create(learning_percent=50)
    return skill.pk


@pytest.fixture
def drawn(skill: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every easy case is one to learn with."""
    monkeypatch.setattr(learning, "is_drawn", lambda _need, rules: rules.learning_percent > 0)
    return skill

"""Routing's own rows: policies, decisions and offers, evidence of skills, topic models, and experiments."""

from routing.models.decisions import Decision, Objection, Offer, RouterLease
from routing.models.evidence import SkillEvidence, SkillReckoning
from routing.models.experiments import Experiment, Slice
from routing.models.overflow import OverflowFiring, OverflowRule, OverflowWatch
from routing.models.policies import Policy
from routing.models.rings import Ring
from routing.models.topics import TopicModel, TopicTraining
from routing.models.trials import Trial

__all__ = [
    "Decision",
    "Experiment",
    "Objection",
    "Offer",
    "OverflowFiring",
    "OverflowRule",
    "OverflowWatch",
    "Policy",
    "Ring",
    "RouterLease",
    "SkillEvidence",
    "SkillReckoning",
    "Slice",
    "TopicModel",
    "TopicTraining",
    "Trial",
]

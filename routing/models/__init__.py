"""Routing's own rows: policies, decisions and offers, overflow rules, and trained models of topics."""

from routing.models.decisions import Decision, Objection, Offer, RouterLease
from routing.models.overflow import OverflowFiring, OverflowRule, OverflowWatch
from routing.models.policies import Policy
from routing.models.rings import Ring
from routing.models.topics import TopicModel, TopicTraining

__all__ = [
    "Decision",
    "Objection",
    "Offer",
    "OverflowFiring",
    "OverflowRule",
    "OverflowWatch",
    "Policy",
    "Ring",
    "RouterLease",
    "TopicModel",
    "TopicTraining",
]

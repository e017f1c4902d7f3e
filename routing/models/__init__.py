"""Routing's own rows: policies, decisions and offers, and trained models of topics."""

from routing.models.decisions import Decision, Objection, Offer, RouterLease
from routing.models.policies import Policy
from routing.models.rings import Ring
from routing.models.topics import TopicModel, TopicTraining

__all__ = [
    "Decision",
    "Objection",
    "Offer",
    "Policy",
    "Ring",
    "RouterLease",
    "TopicModel",
    "TopicTraining",
]

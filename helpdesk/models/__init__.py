"""The core's tables, one module for each subject."""

from helpdesk.models.base import (
    EncryptedField,
    OrganizationForeignKey,
    OrganizationModel,
    OrganizationOneToOneField,
)
from helpdesk.models.calendars import FocusTime, Leave, WorkingPeriod
from helpdesk.models.calls import Call
from helpdesk.models.capacity import KindLimit, KindLoad
from helpdesk.models.channels import ApiToken, Channel, IdempotencyKey, Queue, Route, Snippet
from helpdesk.models.conversations import (
    OPEN,
    OPEN_STATES,
    SPLIT_KEY,
    WEIGHTS,
    Conversation,
    Priority,
    State,
)
from helpdesk.models.customers import Customer, Identity, IdentityAlias
from helpdesk.models.escalation import (
    Escalation,
    EscalationLevel,
    EscalationPath,
    EscalationStep,
)
from helpdesk.models.exams import Exam
from helpdesk.models.grants import (
    DepartmentUserObjectPermission,
    EscalationPathUserObjectPermission,
    ObjectGrant,
    Role,
    RoleGrant,
    RoleTopic,
    RoleUserObjectPermission,
)
from helpdesk.models.holding import Assignment, Mention, Rating, Transfer
from helpdesk.models.letters import Letter, Participant
from helpdesk.models.links import STANDING, ConversationLink
from helpdesk.models.merging import Consent, CustomerMerge, MergeSuggestion
from helpdesk.models.message_templates import MessageTemplate
from helpdesk.models.organization import (
    Department,
    Organization,
    Position,
    Skill,
    Topic,
    TopicExample,
)
from helpdesk.models.outbox import (
    AuditEntry,
    AuditSeal,
    Deliverable,
    Delivery,
    Outbox,
    PlatformAuditEntry,
)
from helpdesk.models.people import Presence, PresenceStatus, Staff, StaffSkill, User
from helpdesk.models.search import MessageWords
from helpdesk.models.timeline import Attachment, Direction, Entry, Message

__all__ = [
    "OPEN",
    "OPEN_STATES",
    "SPLIT_KEY",
    "STANDING",
    "WEIGHTS",
    "ApiToken",
    "Assignment",
    "Attachment",
    "AuditEntry",
    "AuditSeal",
    "Call",
    "Channel",
    "Consent",
    "Conversation",
    "ConversationLink",
    "Customer",
    "CustomerMerge",
    "Deliverable",
    "Delivery",
    "Department",
    "DepartmentUserObjectPermission",
    "Direction",
    "EncryptedField",
    "Entry",
    "Escalation",
    "EscalationLevel",
    "EscalationPath",
    "EscalationPathUserObjectPermission",
    "EscalationStep",
    "Exam",
    "FocusTime",
    "IdempotencyKey",
    "Identity",
    "IdentityAlias",
    "KindLimit",
    "KindLoad",
    "Leave",
    "Letter",
    "Mention",
    "MergeSuggestion",
    "Message",
    "MessageTemplate",
    "MessageWords",
    "ObjectGrant",
    "Organization",
    "OrganizationForeignKey",
    "OrganizationModel",
    "OrganizationOneToOneField",
    "Outbox",
    "Participant",
    "PlatformAuditEntry",
    "Position",
    "Presence",
    "PresenceStatus",
    "Priority",
    "Queue",
    "Rating",
    "Role",
    "RoleGrant",
    "RoleTopic",
    "RoleUserObjectPermission",
    "Route",
    "Skill",
    "Snippet",
    "Staff",
    "StaffSkill",
    "State",
    "Topic",
    "TopicExample",
    "Transfer",
    "User",
    "WorkingPeriod",
]

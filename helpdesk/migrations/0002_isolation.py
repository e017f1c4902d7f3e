from django.db import migrations

from helpdesk.migration_operations import (
    ComposeForeignKeys,
    DefinerFunction,
    DueQueue,
    GrantApplicationRole,
    InsertOnly,
    IsolateOrganization,
    IsolateTables,
)

MODELS = [
    "Department",
    "Position",
    "Skill",
    "Topic",
    "TopicExample",
    "Staff",
    "Presence",
    "WorkingPeriod",
    "StaffSkill",
    "Role",
    "RoleTopic",
    "RoleGrant",
    "EscalationPath",
    "EscalationLevel",
    "ObjectGrant",
    "DepartmentUserObjectPermission",
    "RoleUserObjectPermission",
    "EscalationPathUserObjectPermission",
    "Queue",
    "Channel",
    "Snippet",
    "ApiToken",
    "IdempotencyKey",
    "Customer",
    "Identity",
    "Conversation",
    "Entry",
    "Message",
    "Attachment",
    "Assignment",
    "Transfer",
    "Mention",
    "Rating",
    "Escalation",
    "EscalationStep",
    "Outbox",
    "AuditEntry",
    "AuditSeal",
]


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0001_core")]

    operations = [
        GrantApplicationRole(),
        IsolateOrganization(),
        IsolateTables(MODELS),
        ComposeForeignKeys(MODELS),
        InsertOnly(["AuditEntry", "AuditSeal"]),
        DefinerFunction(
            "everydesk_memberships(member bigint)",
            "TABLE (organization_id bigint, staff_id bigint, name text)",
            "SELECT o.id, s.id, o.name FROM helpdesk_staff s "
            "JOIN helpdesk_organization o ON o.id = s.organization_id "
            "WHERE s.user_id = member AND s.is_active AND o.is_active ORDER BY s.id",
        ),
        DueQueue("all", "SELECT id FROM helpdesk_organization WHERE is_active ORDER BY id"),
        DueQueue(
            "route",
            "SELECT DISTINCT organization_id FROM helpdesk_conversation WHERE route_at <= now()",
        ),
        DueQueue(
            "snooze",
            "SELECT DISTINCT organization_id FROM helpdesk_conversation WHERE snoozed_until <= now()",
        ),
        DueQueue(
            "close",
            "SELECT DISTINCT organization_id FROM helpdesk_conversation "
            "WHERE state = 'resolved' AND resolved_at <= now() - interval '3 days'",
        ),
        DueQueue(
            "escalation",
            "SELECT DISTINCT organization_id FROM helpdesk_escalation WHERE due_at <= now()",
        ),
        DueQueue(
            "mention",
            "SELECT DISTINCT organization_id FROM helpdesk_mention "
            "WHERE ended_at IS NULL AND access_until <= now()",
        ),
        DueQueue(
            "outbox",
            "SELECT DISTINCT organization_id FROM helpdesk_outbox WHERE due_at <= now()",
        ),
        DueQueue(
            "absent",
            "SELECT DISTINCT p.organization_id FROM helpdesk_presence p JOIN helpdesk_assignment a "
            "ON a.organization_id = p.organization_id AND a.staff_id = p.staff_id "
            "WHERE a.ended_at IS NULL AND p.lease_until <= now()",
        ),
        DueQueue(
            "seal",
            "SELECT o.id FROM helpdesk_organization o WHERE EXISTS (SELECT 1 FROM helpdesk_auditentry e "
            "WHERE e.organization_id = o.id AND e.transaction >= coalesce((SELECT max(s.to_transaction) "
            "FROM helpdesk_auditseal s WHERE s.organization_id = o.id), 0))",
        ),
    ]

from django.db import migrations

from helpdesk.migration_operations import DueQueue


class Migration(migrations.Migration):

    dependencies = [
        ('helpdesk', '0022_taken_back'),
    ]

    operations = [
        DueQueue(
            "backing",
            "SELECT DISTINCT m.organization_id FROM helpdesk_mention m "
            "JOIN helpdesk_assignment a ON a.organization_id = m.organization_id "
            "AND a.conversation_id = m.conversation_id AND a.staff_id = m.behind_id "
            "AND a.ended_at IS NULL AND a.starts_at <= m.at "
            "WHERE m.ended_at IS NULL AND m.access_until > now() "
            "AND m.access_until < now() + interval '7 days'",
        ),
    ]

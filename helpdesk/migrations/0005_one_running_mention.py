from django.db import migrations, models

from helpdesk.migration_operations import InEachOrganization


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0004_platform_audit")]

    operations = [
        # Somebody called in twice keeps the access that lasts longest.
        InEachOrganization(
            "UPDATE helpdesk_mention m SET ended_at = now() WHERE m.ended_at IS NULL AND EXISTS ("
            "SELECT 1 FROM helpdesk_mention o WHERE o.ended_at IS NULL AND o.staff_id = m.staff_id "
            "AND o.conversation_id = m.conversation_id "
            "AND (o.access_until, o.id) > (m.access_until, m.id))"
        ),
        migrations.AddConstraint(
            model_name="mention",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True)),
                fields=("organization", "conversation", "staff"),
                name="mention_one_running",
            ),
        ),
    ]

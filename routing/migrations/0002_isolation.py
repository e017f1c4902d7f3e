from django.db import migrations

from helpdesk.migration_operations import ComposeForeignKeys, DueQueue, IsolateTables

MODELS = ["Policy", "Decision", "Offer", "RouterLease"]


class Migration(migrations.Migration):
    dependencies = [("routing", "0001_first"), ("helpdesk", "0002_isolation")]

    operations = [
        IsolateTables(MODELS),
        ComposeForeignKeys(MODELS),
        DueQueue(
            "waiting",
            "SELECT o.id FROM helpdesk_organization o WHERE o.is_active AND EXISTS (SELECT 1 FROM "
            "helpdesk_conversation c WHERE c.organization_id = o.id AND c.queue_id IS NOT NULL)",
        ),
        DueQueue(
            "offers",
            "SELECT DISTINCT organization_id FROM routing_offer "
            "WHERE state = 'pending' AND due_at <= now()",
        ),
    ]

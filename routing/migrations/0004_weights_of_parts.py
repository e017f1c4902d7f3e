from django.db import migrations

from helpdesk.migration_operations import InEachOrganization


class Migration(migrations.Migration):
    """Keep the weights that somebody chose under the names of today; what is new counts nothing for them."""

    dependencies = [
        ('routing', '0003_rules'),
    ]

    operations = [
        InEachOrganization(
            "UPDATE routing_policy SET weights = (weights - 'idle') || jsonb_build_object("
            "'fairness', coalesce(weights->'idle', '0'::jsonb), 'scarcity', 0) "
            "WHERE weights <> '{}'::jsonb"
        ),
    ]

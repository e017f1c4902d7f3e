import django.core.validators
from django.db import migrations, models

from helpdesk.migration_operations import InEachOrganization


class Migration(migrations.Migration):

    dependencies = [
        ('helpdesk', '0018_objections'),
        ('routing', '0007_objections'),
    ]

    operations = [
        migrations.AddField(
            model_name='policy',
            name='calm_chat_seconds',
            field=models.PositiveIntegerField(default=300, help_text='Where customers stay and watch for the answer; mail and forms have their own.', validators=[django.core.validators.MinValueValidator(30), django.core.validators.MaxValueValidator(86400)], verbose_name='seconds until one without any urgency should be, in a chat'),
        ),
        # Where urgent ones have longer than that, calm ones have as long.
        InEachOrganization(
            "UPDATE routing_policy SET calm_chat_seconds = urgent_seconds WHERE urgent_seconds > 300"
        ),
        migrations.RemoveConstraint(model_name='policy', name='policy_times'),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('calm_chat_seconds__gte', models.F('urgent_seconds')), ('calm_seconds__gte', models.F('urgent_seconds')), ('urgent_seconds__gte', 10), ('patience_percent__gte', 1), ('slack_percent__lte', 100)), name='policy_times'),
        ),
    ]

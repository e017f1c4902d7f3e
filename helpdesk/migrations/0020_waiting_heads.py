
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('helpdesk', '0019_overflow_entries'),
    ]

    operations = [
        migrations.AddField(
            model_name='conversation',
            name='need_key',
            field=models.GeneratedField(db_persist=True, expression=django.db.models.functions.text.Concat(models.F('department_id'), models.Value('.'), models.F('topic_id'), models.Value('.'), models.F('wanted_skill_id'), models.Value('.'), models.F('channel_id'), models.Value('.'), models.Case(models.When(then=models.Value('answered'), waiting_since__isnull=True), default=models.Value('')), models.Value('.'), models.F('language'), output_field=models.TextField()), output_field=models.TextField()),
        ),
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(condition=models.Q(('queue__isnull', False), ('route_at__isnull', True)), fields=['organization', 'need_key', '-urgency', 'queued_at', 'id'], name='conversation_urgent_first'),
        ),
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(condition=models.Q(('queue__isnull', False), ('route_at__isnull', True)), fields=['organization', 'need_key', 'queued_at', 'id'], name='conversation_oldest_first'),
        ),
    ]

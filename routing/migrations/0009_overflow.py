import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

from helpdesk.migration_operations import ComposeForeignKeys, DueQueue, IsolateTables


class Migration(migrations.Migration):

    dependencies = [
        ('helpdesk', '0019_overflow_entries'),
        ('routing', '0008_targets_of_chats'),
    ]

    operations = [
        migrations.CreateModel(
            name='OverflowRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('name_en', models.CharField(blank=True, help_text='Shown to colleagues who read English; the name is shown when empty.', max_length=80, verbose_name='English name')),
                ('order', models.PositiveSmallIntegerField(default=10, verbose_name='order')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('when', models.CharField(choices=[('before', 'before queueing'), ('after', 'after waiting')], default='before', max_length=6, verbose_name='when')),
                ('after_seconds', models.PositiveIntegerField(blank=True, help_text='After which the rule is looked at; for “after waiting” only.', null=True, validators=[django.core.validators.MinValueValidator(10), django.core.validators.MaxValueValidator(86400)], verbose_name='seconds in the queue')),
                ('condition', models.CharField(choices=[('closed', 'the department is outside its working hours'), ('length', 'so many wait in the department'), ('wait', 'half would wait so many minutes or more'), ('nobody', 'nobody is there who may and can answer')], max_length=6, verbose_name='condition')),
                ('threshold', models.PositiveIntegerField(blank=True, help_text='Of conversations, or of minutes; for these two conditions only.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10000)], verbose_name='how many')),
                ('action', models.CharField(choices=[('move', "move to another department's queue"), ('call_back', 'offer a call back'), ('message', 'send a message with an honest time'), ('form', 'point to a contact form or mail address')], max_length=10, verbose_name='action')),
                ('link', models.CharField(blank=True, help_text='https://… or mailto:…, to stand in the text as {link}.', max_length=300, verbose_name='link')),
                ('text_zh', models.TextField(blank=True, help_text='With {position}, {minutes_from}, {minutes_to}, {opens_at} and {link}.', max_length=1000, verbose_name='Chinese text')),
                ('text_en', models.TextField(blank=True, max_length=1000, verbose_name='English text')),
                ('channel', models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='Empty: every channel.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='helpdesk.channel', verbose_name='channel')),
                ('department', models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='Empty: every department.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='helpdesk.department', verbose_name='department')),
                ('organization', models.ForeignKey(db_default=django.db.models.expressions.RawSQL("nullif(current_setting('everydesk.organization_id', true), '')::bigint", ()), db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='helpdesk.organization', verbose_name='organization')),
                ('to_department', models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='In whose queue it waits then.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='helpdesk.department', verbose_name='to department')),
                ('topic', models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='Empty: every topic.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='helpdesk.topic', verbose_name='topic')),
            ],
            options={
                'verbose_name': 'overflow rule',
                'verbose_name_plural': 'overflow rules',
                'ordering': ['order', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('after_seconds__isnull', True), ('when', 'before')), models.Q(('after_seconds__gte', 10), ('when', 'after')), _connector='OR'), name='overflow_when'), models.CheckConstraint(condition=models.Q(models.Q(('condition__in', ['closed', 'nobody']), ('threshold__isnull', True)), models.Q(('condition__in', ['length', 'wait']), ('threshold__gte', 1)), _connector='OR'), name='overflow_threshold'), models.CheckConstraint(condition=models.Q(models.Q(('action', 'move'), ('to_department__isnull', False)), models.Q(('action__in', ['call_back', 'message', 'form']), ('to_department__isnull', True)), _connector='OR'), name='overflow_action'), models.CheckConstraint(condition=models.Q(('department__isnull', True), ('to_department__isnull', True), models.Q(('department', models.F('to_department')), _negated=True), _connector='OR'), name='overflow_elsewhere')],
            },
        ),
        migrations.CreateModel(
            name='OverflowFiring',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('episode', models.PositiveSmallIntegerField()),
                ('action', models.CharField(max_length=10)),
                ('at', models.DateTimeField()),
                ('conversation', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='overflows', to='helpdesk.conversation')),
                ('from_department', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='helpdesk.department')),
                ('organization', models.ForeignKey(db_default=django.db.models.expressions.RawSQL("nullif(current_setting('everydesk.organization_id', true), '')::bigint", ()), db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='helpdesk.organization', verbose_name='organization')),
                ('to_department', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='helpdesk.department')),
                ('rule', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='firings', to='routing.overflowrule')),
            ],
            options={
                'verbose_name': 'overflow',
                'verbose_name_plural': 'overflows',
                'ordering': ['-id'],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('organization', 'conversation', 'episode', 'rule'), name='overflow_once_an_episode')],
            },
        ),
        migrations.CreateModel(
            name='OverflowWatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('episode', models.PositiveSmallIntegerField()),
                ('due_at', models.DateTimeField(null=True)),
                ('conversation', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='helpdesk.conversation')),
                ('organization', models.ForeignKey(db_default=django.db.models.expressions.RawSQL("nullif(current_setting('everydesk.organization_id', true), '')::bigint", ()), db_index=False, editable=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='helpdesk.organization', verbose_name='organization')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['organization', 'due_at'], name='overflow_due')],
                'constraints': [models.UniqueConstraint(fields=('organization', 'conversation'), name='overflow_watch_one')],
            },
        ),
        IsolateTables(
            models=['OverflowRule', 'OverflowFiring', 'OverflowWatch'],
        ),
        ComposeForeignKeys(
            models=['OverflowRule', 'OverflowFiring', 'OverflowWatch'],
        ),
        DueQueue(
            name='overflow',
            query='SELECT DISTINCT organization_id FROM routing_overflowwatch WHERE due_at <= now()',
        ),
    ]

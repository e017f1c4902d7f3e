import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('helpdesk', '0013_conversation_opened'),
        ('routing', '0002_isolation'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='decision',
            name='decision_outcome',
        ),
        migrations.AddField(
            model_name='policy',
            name='calm_seconds',
            field=models.PositiveIntegerField(default=1800, help_text='Whatever lies between the two is due in between.', validators=[django.core.validators.MinValueValidator(60), django.core.validators.MaxValueValidator(86400)], verbose_name='seconds until one without any urgency should be'),
        ),
        migrations.AddField(
            model_name='policy',
            name='patience_percent',
            field=models.PositiveSmallIntegerField(default=100, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(300)], verbose_name='percent of its time after which anybody suits'),
        ),
        migrations.AddField(
            model_name='policy',
            name='slack_percent',
            field=models.PositiveSmallIntegerField(default=60, help_text='With less, a conversation may wait for somebody who suits it better, ever less so the longer it waits.', validators=[django.core.validators.MaxValueValidator(100)], verbose_name='percent of capacity that is free while all is given at once'),
        ),
        migrations.AddField(
            model_name='policy',
            name='urgent_seconds',
            field=models.PositiveSmallIntegerField(default=60, validators=[django.core.validators.MinValueValidator(10), django.core.validators.MaxValueValidator(3600)], verbose_name='seconds until an urgent message should be with somebody'),
        ),
        migrations.AlterField(
            model_name='decision',
            name='outcome',
            field=models.CharField(choices=[('assigned', 'assigned'), ('offered', 'offered'), ('queued', 'queued: nobody was free'), ('held', 'held: somebody better is expected')], max_length=10),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('outcome__in', ['queued', 'held']), ('staff__isnull', True)), models.Q(('outcome__in', ['assigned', 'offered']), ('staff__isnull', False)), _connector='OR'), name='decision_outcome'),
        ),
        migrations.AddConstraint(
            model_name='policy',
            constraint=models.CheckConstraint(condition=models.Q(('calm_seconds__gte', models.F('urgent_seconds')), ('urgent_seconds__gte', 10), ('patience_percent__gte', 1), ('slack_percent__lte', 100)), name='policy_times'),
        ),
    ]

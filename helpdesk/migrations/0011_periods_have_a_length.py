from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('helpdesk', '0010_split_whole_day_periods'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='workingperiod',
            constraint=models.CheckConstraint(condition=models.Q(('starts_at', models.F('ends_at')), _negated=True), name='working_period_length'),
        ),
    ]

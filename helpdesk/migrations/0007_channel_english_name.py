from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('helpdesk', '0006_customer_languages'),
    ]

    operations = [
        migrations.AddField(
            model_name='channel',
            name='name_en',
            field=models.CharField(blank=True, help_text='Shown to colleagues who read English; the name is shown when empty.', max_length=80, verbose_name='English name'),
        ),
    ]

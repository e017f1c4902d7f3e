from django.db import migrations

from helpdesk.migration_operations import InEachOrganization


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0005_one_running_mention")]

    operations = [
        # Web chat stored `zh-hans` where everything else says `zh`.
        InEachOrganization(
            "UPDATE helpdesk_customer SET language = lower(split_part(language, '-', 1)) "
            "WHERE language <> lower(split_part(language, '-', 1))"
        ),
    ]

from django.db import migrations

from helpdesk.migration_operations import InEachOrganization


class Migration(migrations.Migration):
    """Write a period of a whole day as two halves: one of no length will be refused."""

    dependencies = [
        ('helpdesk', '0009_leave_and_focus_time'),
    ]

    operations = [
        InEachOrganization(
            "INSERT INTO helpdesk_workingperiod (organization_id, staff_id, weekday, starts_at, ends_at) "
            "SELECT organization_id, staff_id, "
            "CASE WHEN starts_at < '12:00' THEN weekday ELSE (weekday + 1) % 7 END, "
            "starts_at + interval '12 hours', starts_at "
            "FROM helpdesk_workingperiod WHERE starts_at = ends_at ON CONFLICT DO NOTHING"
        ),
        InEachOrganization(
            "UPDATE helpdesk_workingperiod SET ends_at = starts_at + interval '12 hours' "
            "WHERE starts_at = ends_at"
        ),
    ]

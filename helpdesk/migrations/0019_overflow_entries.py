from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('helpdesk', '0018_objections'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='entry',
            name='entry_kind',
        ),
        migrations.AlterField(
            model_name='entry',
            name='kind',
            field=models.CharField(choices=[('message', 'message'), ('queued', 'queued'), ('assigned', 'assigned'), ('released', 'released'), ('transferred', 'transferred'), ('transfer_undone', 'transfer undone'), ('mentioned', 'called in'), ('mention_ended', 'access ended'), ('snoozed', 'snoozed'), ('woken', 'woken'), ('resolved', 'resolved'), ('reopened', 'reopened'), ('closed', 'closed'), ('escalated', 'escalated'), ('escalation_claimed', 'escalation claimed'), ('escalation_ended', 'escalation ended'), ('topic_changed', 'topic changed'), ('priority_changed', 'priority changed'), ('identified', 'customer identified'), ('rated', 'rated'), ('quarantined', 'could not be read'), ('asked_to_join', 'asked to take part'), ('joined', 'takes part'), ('overflowed', 'overflow rule')], max_length=20),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['message', 'queued', 'assigned', 'released', 'transferred', 'transfer_undone', 'mentioned', 'mention_ended', 'snoozed', 'woken', 'resolved', 'reopened', 'closed', 'escalated', 'escalation_claimed', 'escalation_ended', 'topic_changed', 'priority_changed', 'identified', 'rated', 'quarantined', 'asked_to_join', 'joined', 'overflowed'])), name='entry_kind'),
        ),
    ]

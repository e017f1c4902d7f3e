"""What the trail's actions are called in the reader's language. Models read it, so it knows none when it loads."""

from django.apps import apps
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from helpdesk.registries import audit_actions

Word = str | Promise

ACTIONS: dict[str, Word] = {
    "accessattempt.reset": _("Failed sign-ins forgotten"),
    "call.ended": _("Phone call ended"),
    "call.taken": _("Phone call taken"),
    "call.wanted": _("Phone call asked for"),
    "channel.changed": _("Channel changed"),
    "channel.opened": _("Channel opened"),
    "channel.older_secret_ended": _("Older secret of a channel ended"),
    "channel.stopped": _("Channel switched off, since it cannot send"),
    "channel.tried_again": _("Channel allowed to send again"),
    "conversation.access_ended": _("A colleague’s access ended"),
    "conversation.answered": _("Customer answered"),
    "conversation.assigned": _("Conversation assigned"),
    "conversation.closed": _("Conversation closed"),
    "conversation.escalated": _("Conversation escalated"),
    "conversation.identified": _("Visitor identified"),
    "conversation.merged": _("Conversations merged"),
    "conversation.mentioned": _("Colleague called in"),
    "conversation.backed": _("Colleague stands behind a learner"),
    "conversation.opened": _("Conversation opened"),
    "conversation.priority_changed": _("Priority changed"),
    "conversation.rated": _("Conversation rated"),
    "conversation.kept": _("Conversation kept, though not answered in time"),
    "conversation.released": _("Conversation put back into the queue"),
    "conversation.reopened": _("Conversation reopened"),
    "conversation.resolved": _("Conversation resolved"),
    "conversation.resumed": _("Conversation resumed by the customer"),
    "conversation.snoozed": _("Conversation snoozed"),
    "conversation.split": _("Conversation split"),
    "conversation.split_undone": _("Split of a conversation undone"),
    "conversation.topic_changed": _("Topic corrected"),
    "conversation.transfer_undone": _("Transfer undone"),
    "conversation.transferred": _("Conversation transferred"),
    "conversation.unmerged": _("Merge of conversations undone"),
    "conversation.woken": _("Snoozed conversation came back"),
    "customer.added": _("Customer added"),
    "customer.changed": _("Customer changed"),
    "customer.consent": _("Consent written down"),
    "customer.kept_apart": _("Customers kept apart"),
    "customer.merged": _("Customers merged"),
    "customer.unmerged": _("Merge of customers undone"),
    "escalation.breached": _("Time of the last level ran out"),
    "escalation.claimed": _("Escalation claimed"),
    "escalation.ended": _("Escalation ended"),
    "identity.readdressed": _("Customer has another address"),
    "focustime.entered": _("Focus time entered"),
    "focustime.removed": _("Focus time removed"),
    "leave.entered": _("Leave entered"),
    "leave.removed": _("Leave removed"),
    "object.granted": _("Permissions for one object changed"),
    "organization.founded": _("Organization founded"),
    "organization.renamed": _("Organization renamed"),
    "organization.resumed": _("Organization switched on"),
    "organization.suspended": _("Organization switched off"),
    "presence.changed": _("Presence changed"),
    "participant.approved": _("Let take part"),
    "participant.declined": _("Not let take part"),
    "participant.removed": _("Takes part no longer"),
    "reply.resent": _("Reply sent again"),
    "reply.taken_back": _("Reply taken back"),
    "role.granted": _("Role given"),
    "role.revoked": _("Role taken away"),
    "staff.activated": _("Colleague switched on"),
    "staff.deactivated": _("Colleague switched off"),
    "staff.joined": _("Colleague joined"),
    "staff.preferences_changed": _("Own settings changed"),
    "token.issued": _("API token issued"),
    "token.revoked": _("API token revoked"),
    "user.signed_out": _("User signed out everywhere"),
}
# What the pages of the admin sites do to any kind of row.
CHANGES: dict[str, Word] = {
    "added": _("%(what)s: added"),
    "changed": _("%(what)s: changed"),
    "created": _("%(what)s: added"),
    "deleted": _("%(what)s: deleted"),
}


def action_label(code: str) -> str:
    """Return what an action is called; the code itself when nobody gave it a name."""
    if code in ACTIONS:
        return str(ACTIONS[code])
    if code in audit_actions:
        return str(audit_actions.get(code))
    kind, _dot, change = code.partition(".")
    what = kind_label(kind)
    return str(CHANGES[change]) % {"what": what} if what != kind and change in CHANGES else code


def kind_label(model_name: str) -> str:
    """Return what a kind of row is called; the name itself when there is no such model."""
    found = (model for model in apps.get_models() if model._meta.model_name == model_name)
    model = next(found, None)
    return str(capfirst(model._meta.verbose_name)) if model else model_name

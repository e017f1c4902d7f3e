"""What the parts, the reasons and the languages of a decision are called."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from routing import candidates as reasons

PART_LABELS: dict[str, str | Promise] = {
    "skill": gettext_lazy("Skill"),
    "history": gettext_lazy("History"),
    "language": gettext_lazy("Language"),
    "place": gettext_lazy("Place"),
    "load": gettext_lazy("Load"),
    "fairness": gettext_lazy("Fair share"),
    "scarcity": gettext_lazy("Can be spared"),
    # Of decisions made before there was a fair share.
    "idle": gettext_lazy("Idle"),
}
REASON_TEXTS: dict[str, str | Promise] = {
    reasons.INACTIVE: gettext_lazy("no longer works here"),
    reasons.PERMISSION: gettext_lazy("may not answer in this department"),
    reasons.TOPIC: gettext_lazy("may not answer this topic"),
    reasons.SKILL: gettext_lazy("lacks the skill at the level needed"),
    reasons.CERTIFICATE: gettext_lazy("has no exam of the skill that counts"),
    reasons.LANGUAGE: gettext_lazy("does not answer in the customer’s language"),
    reasons.KIND: gettext_lazy("does not answer on this kind of channel"),
    reasons.AWAY: gettext_lazy("was busy, focused or away"),
    reasons.OFFLINE: gettext_lazy("was not online"),
    reasons.HOURS: gettext_lazy("was outside working hours"),
    reasons.HOLIDAY: gettext_lazy("had a public holiday"),
    reasons.LEAVE: gettext_lazy("was on leave"),
    reasons.FOCUS: gettext_lazy("had time without new work"),
    reasons.LENT: gettext_lazy("had spent the time lent for the day"),
    reasons.STICKY: gettext_lazy("it was kept for whoever served this customer last"),
    reasons.RING: gettext_lazy("was outside the ring asked at that time"),
    reasons.LEARNING: gettext_lazy("was passed over for somebody in training"),
    reasons.FULL: gettext_lazy("had no free capacity"),
    reasons.DECLINED: gettext_lazy("had declined it or let it pass"),
}
LANGUAGES: dict[str, str | Promise] = {
    "zh": gettext_lazy("Chinese"),
    "en": gettext_lazy("English"),
    "other": gettext_lazy("another language"),
}

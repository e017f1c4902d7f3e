"""Small pieces that every staff screen is made of."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from helpdesk.models import Staff
from helpdesk.reports import administration
from helpdesk.services.presence import shown_status

register = template.Library()

# How long a customer may wait before a clock turns amber and red, in seconds.
WAIT_WARN = 300
WAIT_DANGER = 900


@register.simple_tag
@lru_cache(maxsize=512)
def icon(name: str, size: str = "") -> str:
    """Return one icon of the sprite; `size` is empty, "sm" or "lg"."""
    extra = f" i-{size}" if size else ""
    return format_html(
        '<svg class="i{}" aria-hidden="true"><use href="{}#i-{}"/></svg>',
        extra,
        static("everydesk/icons.svg"),
        name,
    )


@register.inclusion_tag("portal/fragments/notices.html", takes_context=True)
def notices(context: template.Context) -> dict[str, object]:
    """Show administrators what they should see to."""
    return {"notices": administration.notices(context["request"].access)}


@register.filter
def initial(name: str) -> str:
    """Return the character an avatar shows for a name."""
    return (str(name).strip() or "?")[0].upper()


@register.filter
def presence(staff: Staff) -> str:
    """Return the status of a colleague as others see it; the focus times are prefetched."""
    return shown_status(staff, timezone.now())


@register.filter
def moment(at: datetime | None) -> str:
    """Return a time as people say it: the clock today, the weekday this week, the date before."""
    if at is None:
        return ""
    zone = timezone.get_current_timezone()
    local, today = at.astimezone(zone), datetime.now(zone).date()
    day = local.date()
    if day == today:
        return _clock(local)
    if day < today and today - day < timedelta(days=7):
        return _spelled(day, "D", get_language())
    return _short_date(day, today)


def _short_date(day: date, today: date) -> str:
    """Return a date, with its year only when it is not this one."""
    if day.year == today.year:
        # Translators: a date without its year, in Django's date format.
        return _spelled(day, _("j M"), get_language())
    # Translators: a date with its year, in Django's date format.
    return _spelled(day, _("j M Y"), get_language())


@lru_cache(maxsize=1024)
def _spelled(day: date, form: str, _language: str | None) -> str:
    """Return a day in the language that is active; the days on a screen are few, their entries many."""
    return date_format(day, form)


def _clock(local: datetime) -> str:
    return f"{local:%H:%M}"


@register.filter
def hour(at: datetime | None) -> str:
    """Return the time of the day."""
    return _clock(timezone.localtime(at)) if at else ""


@register.filter
def full_moment(at: datetime | None) -> str:
    """Return date and time, for tooltips and tables."""
    if at is None:
        return ""
    zone = timezone.get_current_timezone()
    local = at.astimezone(zone)
    return f"{_short_date(local.date(), datetime.now(zone).date())} {_clock(local)}"


@register.filter
def day_heading(at: datetime) -> str:
    """Return the separator above the first entry of a day."""
    day = timezone.localtime(at).date()
    # Translators: a day with its weekday, in Django's date format.
    spelled = date_format(day, _("D j F"))
    if day == timezone.localdate():
        return _("Today · %(day)s") % {"day": spelled}
    if day == timezone.localdate() - timedelta(days=1):
        return _("Yesterday · %(day)s") % {"day": spelled}
    return spelled


@register.filter
def day_name(day: date) -> str:
    """Return a day with its weekday, and its year when it is not this one."""
    # Translators: a day with its weekday, in Django's date format.
    spelled = date_format(day, _("D j F"))
    return spelled if day.year == timezone.localdate().year else f"{spelled} {day.year}"


@register.filter
def local_day(at: datetime) -> date:
    """Return the day an instant falls on for the reader."""
    return timezone.localtime(at).date()


def seconds_between(start: datetime, end: datetime) -> int:
    return max(0, int((end - start).total_seconds()))


@register.filter
def spell(seconds: float) -> str:
    """Return a duration: mm:ss below an hour, h:mm:ss below a day, days above."""
    total = max(0, int(seconds))
    if total >= 86400:
        days = total // 86400
        return ngettext("%(days)s day", "%(days)s days", days) % {"days": days}
    hours, rest = divmod(total, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes:02}:{left:02}"


@register.filter
def time_in_words(span: timedelta) -> str:
    """Return a set time in whole hours where it has them, else in minutes; at least one."""
    minutes = max(1, int(span.total_seconds() // 60))
    if minutes % 60 == 0:
        hours = minutes // 60
        return ngettext("%(hours)s hour", "%(hours)s hours", hours) % {"hours": hours}
    return ngettext("%(minutes)s minute", "%(minutes)s minutes", minutes) % {"minutes": minutes}


@register.filter
def elapsed(since: datetime | None) -> str:
    """Return how long ago an instant was."""
    return spell(seconds_between(since, timezone.now())) if since else ""


@register.filter
def remaining(until: datetime | None) -> str:
    """Return how long it is until an instant."""
    return spell(seconds_between(timezone.now(), until)) if until else ""


@register.filter
def wait_tone(since: datetime | None) -> str:
    """Return the tone of a waiting time: ok, warn or danger."""
    if since is None:
        return ""
    seconds = seconds_between(since, timezone.now())
    return "danger" if seconds >= WAIT_DANGER else "warn" if seconds >= WAIT_WARN else "ok"


@register.filter
def due_tone(until: datetime | None) -> str:
    """Return the tone of a deadline: ok, warn below ten minutes, danger below three."""
    if until is None:
        return ""
    seconds = (until - timezone.now()).total_seconds()
    return "danger" if seconds <= 180 else "warn" if seconds <= 600 else "ok"


@register.filter
def figure(value: Decimal | float | None) -> str:
    """Return a number without a useless fraction: 2.5, but 3."""
    return "" if value is None else f"{float(value):g}"


@register.filter
def megabytes(size: int) -> str:
    """Return the size of a file."""
    if size < 1024 * 1024:
        return f"{max(1, size // 1024)} kB"
    return f"{size / 1024 / 1024:.1f} MB"


@register.filter
def bounded(count: int) -> str:
    """Return a count as shown; counting stops at a hundred."""
    return "99+" if count > 99 else str(count)


@register.simple_tag
def pips(load: Decimal, capacity: Decimal) -> list[str]:
    """Return one class per slot of a capacity meter: on, half or empty."""
    slots = min(12, int(capacity + Decimal("0.5")))
    used = load if capacity <= 12 else load * 12 / capacity
    return ["on" if used >= n + 1 else "half" if used > n else "" for n in range(slots)]


@register.simple_tag
def load_level(load: Decimal, capacity: Decimal) -> str:
    """Return how full somebody is: l0 empty, l1 light, l2 heavy, l3 full."""
    if not load:
        return "l0"
    share = load / capacity if capacity else Decimal(1)
    return "l3" if share >= 1 else "l2" if share >= Decimal("0.75") else "l1"

"""What the page of an experiment shows, in the reader's words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from helpdesk import permissions
from helpdesk.access import Access, require
from helpdesk.errors import NotFound
from routing import policies
from routing.decision_text import PART_LABELS
from routing.experiments import drawing, ending
from routing.experiments.reading import RailStand, Standing, over_time, rail_stands, standing
from routing.laboratory.policies import rules_of
from routing.measures import MEASURES
from routing.models import Experiment, Slice

if TYPE_CHECKING:
    from routing.laboratory.statistics import Band, Estimate

LISTED = 50
SWITCHES_SHOWN = 200
TONES = {"better": "ok", "worse": "danger"}
SCALES = {"share": 100.0}


@dataclass(frozen=True)
class Row:
    """One measure side by side."""

    label: str
    help_text: str
    used: str
    draft: str
    difference: str
    whisker: drawing.Whisker | None
    interval: str
    pairs: int
    is_primary: bool
    tone: str = ""


@dataclass(frozen=True)
class RailLine:
    """Where one guard rail stands."""

    text: str
    now: str
    percent: int
    is_broken: bool


@dataclass(frozen=True)
class Shown:
    """Everything the page shows of one experiment."""

    experiment: Experiment
    state: str
    terms: str
    changes: Sequence[str]
    grid: drawing.Grid | None = None
    chart: drawing.Chart | None = None
    rows: Sequence[Row] = ()
    rails: Sequence[RailLine] = ()
    switches: Sequence[Slice] = ()
    slice_number: int = 0
    day: int = 0
    days: int = 0
    counted: int = 0
    band: str = ""
    # What the band promises.
    certainty: str = ""
    verdict: str = ""
    verdict_tone: str = ""
    told: str = ""


def visible_experiments(by: Access) -> QuerySet[Experiment]:
    """Return the experiments an administrator may see; raises NotFound for anybody else."""
    require(by, permissions.ORGANIZATION_ADMINISTER)
    return Experiment.objects.select_related("department", "opened_by")


def find(by: Access, experiment_id: int) -> Experiment:
    """Return one experiment; raises NotFound."""
    found = visible_experiments(by).filter(pk=experiment_id).first()
    if found is None:
        raise NotFound
    return found


def listed(by: Access) -> list[Experiment]:
    """Return the experiments, those that run first, then the newest."""
    rows = list(visible_experiments(by).order_by("-id")[:LISTED])
    order = {"running": 0, "draft": 1}
    return sorted(rows, key=lambda row: order.get(row.state, 2))


def shown(experiment: Experiment, now: datetime) -> Shown:
    """Return what the page shows of an experiment."""
    common: dict[str, Any] = {  # Any: fields of Shown
        "experiment": experiment,
        "state": experiment.get_state_display(),
        "terms": terms(experiment),
        "changes": changes(experiment),
    }
    if experiment.starts_at is None:
        return Shown(**common, rails=[_rail(stand) for stand in rail_stands(experiment, [])])
    rows = list(Slice.objects.filter(experiment=experiment).order_by("number"))
    counted = [row for row in rows if row.measured_at]
    found, plan = standing(experiment, counted), experiment.plan
    bands = over_time(experiment, counted)
    unit = MEASURES[experiment.primary].unit
    number = plan.slice_at(now)
    days = -(-plan.slices * plan.slice_minutes // 1440)
    return Shown(
        **common,
        grid=drawing.grid(plan, {row.number: row for row in rows}, now, experiment.ended_at),
        chart=drawing.chart(plan, bands, SCALES.get(unit, 1.0)),
        rows=_rows(experiment, found, bands),
        rails=[_rail(stand) for stand in found.rails],
        switches=list(reversed(rows))[:SWITCHES_SHOWN],
        slice_number=0 if number is None else number + 1,
        day=min(max((now - plan.starts_at) // timedelta(days=1) + 1, 0), days),
        days=days,
        counted=len(counted),
        band=_interval(bands[-1].low, bands[-1].high, unit) if bands else "",
        certainty=_certainty(experiment),
        verdict=experiment.get_verdict_display() if experiment.verdict else "",
        verdict_tone=TONES.get(experiment.verdict, ""),
        told=ending.told(experiment) if experiment.reason else "",
    )


def terms(experiment: Experiment) -> str:
    """Return in a few sentences what is compared, and how."""
    facts = {
        "version": experiment.policy_version,
        "slices": experiment.slices,
        "minutes": experiment.slice_minutes,
        "washout": experiment.washout_minutes,
        "hours": experiment.outcome_hours,
    }
    told = [
        _("%(slices)s slices of %(minutes)s minutes; the first %(washout)s are not counted."),
        _("Each conversation is watched for %(hours)s hours."),
    ]
    if experiment.starts_at and experiment.policy_version:
        told.insert(0, _("The draft against version %(version)s of the policy."))
    elif experiment.starts_at:
        told.insert(0, _("The draft against the rules as delivered."))
    return " ".join(told) % facts


def _certainty(experiment: Experiment) -> str:
    from routing.laboratory.statistics import PRIMARY_SHARE  # noqa: PLC0415  (slow to load)

    facts = {"percent": f"{100 * (1 - PRIMARY_SHARE * experiment.alpha):g}"}
    told = _(
        "The band holds at every look together with %(percent)s %% certainty; "
        "where it is missing, nothing can be ruled out yet."
    )
    return told % facts


def _rows(experiment: Experiment, found: Standing, bands: "Sequence[Band]") -> list[Row]:
    primary = found.primary
    if experiment.reason != Experiment.Reason.PLAN:
        # Its own interval may be looked at once, at the end; before, the one for every look stands there.
        low, high = (bands[-1].low, bands[-1].high) if bands else (None, None)
        primary = replace(primary, low=low, high=high)
    first = _row(experiment.primary, primary, experiment.verdict, is_primary=True)
    return [first, *(_row(name, each) for name, each in found.others.items() if each.pairs)]


def _row(name: str, found: "Estimate", verdict: str = "", *, is_primary: bool = False) -> Row:
    measure = MEASURES[name]
    is_known = found.pairs > 0
    return Row(
        label=str(measure.label),
        help_text=str(measure.help_text),
        used=value_text(found.used, measure.unit) if is_known else "",
        draft=value_text(found.draft, measure.unit) if is_known else "",
        difference=difference_text(found.difference, measure.unit) if is_known else "",
        whisker=drawing.whisker(found.low, found.high, found.difference),
        interval=_interval(found.low, found.high, measure.unit),
        pairs=found.pairs,
        is_primary=is_primary,
        tone=TONES.get(verdict, ""),
    )


def _interval(low: float | None, high: float | None, unit: str) -> str:
    if low is None or high is None:
        return ""
    facts = {"low": difference_text(low, unit), "high": difference_text(high, unit)}
    return _("%(low)s to %(high)s") % facts


def value_text(value: float, unit: str) -> str:
    """Return a value with its unit."""
    if unit == "share":
        return f"{100 * value:.1f} %"
    if unit == "seconds":
        minutes, seconds = divmod(round(value), 60)
        if value >= 120:
            return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds}
        return _("%(seconds)s s") % {"seconds": round(value)}
    return f"{value:.2f}"


def difference_text(value: float, unit: str) -> str:
    """Return a difference with its sign: points of a percentage, seconds, stars."""
    if unit == "share":
        told = pgettext("of a percentage", "%(points)s points")
        return told % {"points": f"{_plain(100 * value, 1):+.1f}"}
    if unit == "seconds":
        return _("%(seconds)s s") % {"seconds": f"{_plain(value, 0):+.0f}"}
    return f"{_plain(value, 2):+.2f}"


def _plain(value: float, digits: int) -> float:
    """Return a value as it is rounded, and nothing as nothing rather than as less than nothing."""
    return round(value, digits) + 0.0


def _rail(stand: RailStand) -> RailLine:
    measure = MEASURES[stand.measure]
    facts = {"measure": measure.label, "limit": limit_text(stand.limit, measure.unit)}
    if stand.is_bound:
        facts["limit"] = value_text(stand.limit, measure.unit)
        over = _("%(measure)s: not above %(limit)s")
        text = (_("%(measure)s: not below %(limit)s") if measure.higher_is_better else over) % facts
        now = "" if stand.value is None else value_text(stand.value, measure.unit)
    else:
        text = _("%(measure)s: not worse by more than %(limit)s") % facts
        now = "" if stand.value is None else difference_text(stand.value, measure.unit)
    return RailLine(text, now, round(100 * stand.share), stand.is_broken)


def limit_text(value: float, unit: str) -> str:
    """Return how much worse something may be."""
    return difference_text(value, unit).lstrip("+")


def changes(experiment: Experiment) -> list[str]:
    """Return in which numbers the draft differs from the policy in use."""
    draft, used = rules_of(experiment.draft), policies.in_use(experiment.department_id).rules
    found = [
        _("%(what)s: %(used)s → %(draft)s")
        % {
            "what": PART_LABELS.get(name, name),
            "used": used.weights.get(name, 0),
            "draft": draft.weights.get(name, 0),
        }
        for name in {**used.weights, **draft.weights}
        if used.weights.get(name, 0) != draft.weights.get(name, 0)
    ]
    numbers = {
        "urgent_seconds": _("Seconds for what is urgent"),
        "calm_seconds": _("Seconds for what is not"),
        "calm_chat_seconds": _("Seconds for what is not, in chats"),
        "slack_percent": _("Percent free to give all at once"),
        "patience_percent": _("Percent of its time until anybody suits"),
    }
    for name, label in numbers.items():
        before, after = getattr(used, name), getattr(draft, name)
        if before != after:
            facts = {"what": label, "used": f"{before:g}", "draft": f"{after:g}"}
            found.append(_("%(what)s: %(used)s → %(draft)s") % facts)
    return found

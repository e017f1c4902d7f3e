from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RoutingConfig(AppConfig):
    name = "routing"
    verbose_name = _("Routing")

    def ready(self) -> None:
        """Register what the core must know of routing."""
        from helpdesk.registries import audit_actions, notices, skill_notes  # noqa: PLC0415  (apps are ready only now)
        from routing import (  # noqa: PLC0415
            evidence_text,
            handlers,
            invariants,
            objecting,
            offers,
            versions,
        )
        from routing.experiments import ending, opening  # noqa: PLC0415
        from routing.laboratory import trials  # noqa: PLC0415
        from routing.overflow import firing  # noqa: PLC0415

        _register_sweeps()
        skill_notes.register("evidence", evidence_text.notes)
        notices.register("topic models", versions.notices)
        notices.register("experiments", ending.notices)
        own = offers.AUDITED | objecting.AUDITED | versions.AUDITED
        own |= firing.AUDITED | opening.AUDITED | trials.AUDITED
        for action, label in own.items():
            audit_actions.register(action, label)
        invariants.register()
        handlers.listen()


def _register_sweeps() -> None:
    """Register what is to be looked after by time."""
    from helpdesk.registries import Sweep, sweeps  # noqa: PLC0415  (apps are ready only now)
    from routing import judging, offers, relieving, tasks  # noqa: PLC0415
    from routing.experiments import ending  # noqa: PLC0415
    from routing.laboratory import trials  # noqa: PLC0415
    from routing.overflow import firing  # noqa: PLC0415

    sweeps.register("offers", Sweep(run=offers.expire_due, queue="offers"))
    sweeps.register("overflow", Sweep(run=firing.follow_due, queue="overflow"))
    sweeps.register("waiting", Sweep(run=judging.age_waiting, queue="waiting", every_seconds=60))
    sweeps.register("trainings", Sweep(run=tasks.start_due, queue="trainings", every_seconds=10))
    sweeps.register(
        "evidence", Sweep(run=tasks.start_reckoning, queue="evidence", every_seconds=60)
    )
    sweeps.register(
        "practice", Sweep(run=relieving.relieve_due, queue="practice", every_seconds=20)
    )
    sweeps.register("experiments", Sweep(run=ending.sweep, queue="experiments"))
    sweeps.register("trials", Sweep(run=trials.look_after, queue="trials", every_seconds=5))

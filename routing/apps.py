from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RoutingConfig(AppConfig):
    name = "routing"
    verbose_name = _("Routing")

    def ready(self) -> None:
        """Register what the core must know of routing."""
        from helpdesk.registries import Sweep, audit_actions, notices, skill_notes, sweeps  # noqa: PLC0415  (apps are ready only now)
        from routing import (  # noqa: PLC0415
            evidence_text,
            handlers,
            invariants,
            judging,
            objecting,
            offers,
            tasks,
            versions,
        )
        from routing.experiments import ending, opening  # noqa: PLC0415
        from routing.laboratory import trials  # noqa: PLC0415
        from routing.overflow import firing  # noqa: PLC0415

        sweeps.register("offers", Sweep(run=offers.expire_due, queue="offers"))
        sweeps.register("overflow", Sweep(run=firing.follow_due, queue="overflow"))
        sweeps.register(
            "waiting", Sweep(run=judging.age_waiting, queue="waiting", every_seconds=60)
        )
        sweeps.register(
            "trainings", Sweep(run=tasks.start_due, queue="trainings", every_seconds=10)
        )
        sweeps.register(
            "evidence", Sweep(run=tasks.start_reckoning, queue="evidence", every_seconds=60)
        )
        sweeps.register("experiments", Sweep(run=ending.sweep, queue="experiments"))
        sweeps.register("trials", Sweep(run=trials.look_after, queue="trials", every_seconds=5))
        skill_notes.register("evidence", evidence_text.notes)
        notices.register("topic models", versions.notices)
        notices.register("experiments", ending.notices)
        own = offers.AUDITED | objecting.AUDITED | versions.AUDITED
        own |= firing.AUDITED | opening.AUDITED | trials.AUDITED
        for action, label in own.items():
            audit_actions.register(action, label)
        invariants.register()
        handlers.listen()

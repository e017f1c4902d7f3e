from django.urls import path

from routing import views
from routing.experiments import views as experiments
from routing.laboratory import pages, trial_pages

app_name = "routing"

urlpatterns = [
    path("lab/", pages.lab, name="lab"),
    path("lab/preview/", pages.preview, name="lab-preview"),
    path("lab/policy/", pages.put_into_use, name="lab-policy"),
    path("lab/trials/", trial_pages.replay, name="lab-replay"),
    path("lab/trials/<int:trial_id>/", trial_pages.trial, name="lab-trial"),
    path("lab/experiments/", experiments.experiments, name="experiments"),
    path("lab/experiments/open/", experiments.open_experiment, name="open-experiment"),
    path("lab/experiments/<int:experiment_id>/", experiments.experiment, name="experiment"),
    path("lab/experiments/<int:experiment_id>/start/", experiments.start, name="start-experiment"),
    path("lab/experiments/<int:experiment_id>/stop/", experiments.stop, name="stop-experiment"),
    path(
        "lab/experiments/<int:experiment_id>/discard/",
        experiments.discard,
        name="discard-experiment",
    ),
    path("lab/experiments/<int:experiment_id>/adopt/", experiments.adopt, name="adopt-experiment"),
    path(
        "lab/experiments/<int:experiment_id>/noted/", experiments.note_end, name="note-experiment"
    ),
    path("lab/decisions/", pages.decisions, name="decisions"),
    path("conversations/<int:conversation_id>/why/", views.why, name="why"),
    path("conversations/<int:conversation_id>/place/", views.place, name="place"),
    path("conversations/<int:conversation_id>/not-mine/", views.not_mine, name="not-mine"),
    path("waits/", views.waits, name="waits"),
    path("waits/<int:department_id>/", views.waits, name="waits"),
    path("offer/", views.offer, name="offer"),
    path("offers/<int:offer_id>/accept/", views.accept, name="offer-accept"),
    path("offers/<int:offer_id>/decline/", views.decline, name="offer-decline"),
]

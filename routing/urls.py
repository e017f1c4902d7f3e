from django.urls import path

from routing import views
from routing.laboratory import pages

app_name = "routing"

urlpatterns = [
    path("lab/", pages.lab, name="lab"),
    path("lab/experiments/", pages.experiments, name="experiments"),
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

"""The newest calls of a channel, both ways: on its page, each to be opened, and those that came in read again."""

from collections.abc import Sequence

import redis
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from channels_app.calls import reading, recording
from channels_app.calls.reading import KeptCall
from channels_app.models import InboundEvent
from channels_app.services import quarantining
from helpdesk.admin.base import access_of
from helpdesk.admin.sites import organization_site
from helpdesk.errors import WrongState
from helpdesk.models import Channel

PURPOSES = {
    "": gettext_lazy("came in"),
    recording.SEND: gettext_lazy("sending"),
    recording.FILE: gettext_lazy("fetching a file"),
    recording.POLL: gettext_lazy("fetching what is new"),
    recording.TOKEN: gettext_lazy("fetching an access token"),
    recording.TEST: gettext_lazy("testing the connection"),
}


def urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of the log, behind the door of the site."""
    start = "calls/<int:channel_id>/"
    return [
        path(start, site.admin_view(show_calls), name="channels_app_calls"),
        path(f"{start}<str:call_id>/", site.admin_view(show_call), name="channels_app_call"),
        path(
            f"{start}<str:call_id>/again/",
            site.admin_view(read_again),
            name="channels_app_call_again",
        ),
    ]


def show_calls(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Show the newest calls of one channel; the fragment of its page that looks again by itself."""
    channel = _channel(channel_id)
    context: dict[str, object] = {"channel": channel, "kinds": PURPOSES}
    try:
        context["calls"] = [
            (each, PURPOSES.get(each.purpose, each.purpose)) for each in reading.newest(channel.pk)
        ]
    except redis.RedisError:
        context["is_away"] = True
    return TemplateResponse(request, "channels_app/calls.html", context)


def show_call(request: HttpRequest, channel_id: int, call_id: str) -> HttpResponse:
    """Show one call with what was asked and answered, and what became of the events it reported."""
    channel = _channel(channel_id)
    call = _call(channel, call_id)
    events = _events(channel, call)
    context = {
        **organization_site.each_context(request),
        "title": _("Call"),
        "opts": Channel._meta,
        "channel": channel,
        "call": call,
        "purpose": PURPOSES.get(call.purpose, call.purpose),
        "events": events,
        "more": max(0, call.count - len(call.keys)),
        "may_read_again": any(each.state in quarantining.AGAIN for each in events),
        "all_done": bool(events) and all(each.state == InboundEvent.State.DONE for each in events),
    }
    return TemplateResponse(request, "channels_app/call.html", context)


def read_again(request: HttpRequest, channel_id: int, call_id: str) -> HttpResponse:
    """Have what a call reported read again, where that could not be read or became nothing."""
    if request.method != "POST":
        raise Http404
    channel = _channel(channel_id)
    by, count = access_of(request), 0
    for event in _events(channel, _call(channel, call_id)):
        try:
            quarantining.replay(by, event.pk)
            count += 1
        except WrongState:
            # It waits, or is a message by now; the page says so.
            continue
    if count:
        told = ngettext("%(count)s is read again.", "%(count)s are read again.", count)
        messages.success(request, told % {"count": count})
    else:
        messages.error(
            request, _("Nothing to read again: what the call reported was processed already.")
        )
    place = reverse(
        "admin:channels_app_call", args=[channel.pk, call_id], current_app=organization_site.name
    )
    return HttpResponseRedirect(place)


def _channel(channel_id: int) -> Channel:
    channel: Channel | None = Channel.objects.filter(pk=channel_id).first()
    if channel is None:
        raise Http404
    return channel


def _call(channel: Channel, call_id: str) -> KeptCall:
    try:
        call = reading.find(channel.pk, call_id)
    except redis.RedisError as error:
        raise Http404 from error
    if call is None:
        raise Http404
    return call


def _events(channel: Channel, call: KeptCall) -> Sequence[InboundEvent]:
    rows = InboundEvent.objects.filter(channel=channel, dedup_key__in=call.keys)
    return list(
        rows.defer("raw", "data").select_related("entry").order_by("pk")[: recording.MOST_EVENTS]
    )

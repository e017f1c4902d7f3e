"""What an app asks for over plain HTTP; waiting for news is in `live.long_poll`, where it holds no thread."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from channels_app import limits
from channels_app.app_api import answers, asking
from channels_app.app_api.asking import Caller
from channels_app.chat.frames import (
    SCHEMAS,
    FrameRefused,
    Rules,
    checked,
    language_of,
    listed,
    number,
    text_up_to,
)
from channels_app.live import hints
from channels_app.live.database import DATABASE_AWAY
from channels_app.live.hints import Hint
from channels_app.models import PushService
from channels_app.services import asked_for, chatting, files, pushing, visiting
from helpdesk.errors import HelpdeskError, Invalid, NotFound, Unavailable
from helpdesk.tenancy import organization_scope, organization_transaction

Values = dict[str, Any]  # checked against a schema, which tells what is in it
Act = Callable[..., tuple[int, Values]]

LAST = 2**31 - 1
_MARKS: Rules = {
    "delivered": listed(number(1, LAST), 200),
    "read": number(0, LAST, default=0),
}


def _service(value: object) -> str:
    if not isinstance(value, str) or value not in PushService.values:
        raise FrameRefused("unknown_service")
    return value


_DEVICE: Rules = {
    "service": _service,
    "token": text_up_to(4096, required=True),
    "app_version": text_up_to(40),
    "language": language_of,
}


def _endpoint(
    schema: Rules | None = None, *, has_file: bool = False, method: str = ""
) -> Callable[[Act], Any]:
    """Return what makes a view of an act: it knows who asks, reads JSON by a schema, and answers in JSON."""
    method = method or ("POST" if schema is not None or has_file else "GET")

    def make(act: Act) -> Any:  # Any: a view

        @wraps(act)
        def view(request: HttpRequest, public_id: str, **names: Any) -> HttpResponse:
            if request.method != method:
                return HttpResponse(status=405, headers={"Allow": method})
            try:
                asked = _request(request)
                caller = asking.caller_of(public_id, asked)
                raw = _body(request, has_file)
                asking.require_signature(caller, replace(asked, body=raw))
                status, body = act(caller, *_arguments(request, raw, schema), **names)
            except HelpdeskError as error:
                return _refused(error)
            except DATABASE_AWAY:
                return _refused(Unavailable(retry_after_seconds=3))
            return JsonResponse(body, status=status, headers=answers.HEADERS)

        return csrf_exempt(view)  # it carries a signed identity and no cookie

    return make


@_endpoint(SCHEMAS["message"])
def messages(caller: Caller, values: Values, raw: bytes) -> tuple[int, Values]:
    """Store a message once; the same reference again is answered alike."""
    caller.spend("message", limits.MESSAGES)
    said = chatting.say(
        caller.door,
        caller.visitor,
        text=values["text"],
        client_ref=str(values["client_ref"]),
        files=[str(each) for each in values["attachments"]],
        raw=raw,
    )
    organization_id, visitor = caller.door.organization_id, said.visitor.short_name
    hints.publish(
        Hint("joined", organization_id, conversation_id=said.conversation_id, visitor=visitor)
    )
    return 200 if said.is_repeated else 201, {
        "client_ref": str(values["client_ref"]),
        "conversation": said.conversation_id,
        "number": said.number,
    }


@_endpoint()
def channel(caller: Caller, query: Values) -> tuple[int, Values]:
    """Return what the app may show of the organization."""
    with organization_scope(caller.door.organization_id), organization_transaction():
        return 200, visiting.described(caller.door)


@_endpoint()
def conversations(caller: Caller, query: Values) -> tuple[int, Values]:
    """Return the customer's conversations, the newest first, a page of them."""
    before = _number(query, "before", LAST)
    return 200, asked_for.conversations(caller.door, caller.visitor, before=before)


@_endpoint()
def history(caller: Caller, query: Values, conversation_id: int) -> tuple[int, Values]:
    """Return what follows a number in a conversation, oldest first, a page of it."""
    return 200, asked_for.history(
        caller.door,
        caller.visitor,
        conversation_id,
        after=_number(query, "after", 0),
        most=min(_number(query, "limit", asked_for.PAGE), asked_for.MOST_PAGE),
    )


@_endpoint(_MARKS)
def receipts(
    caller: Caller, values: Values, raw: bytes, conversation_id: int
) -> tuple[int, Values]:
    """Note which messages have come, and up to which number all have been read."""
    asked_for.mark(
        caller.door,
        caller.visitor,
        conversation_id,
        delivered=values["delivered"],
        read=values["read"],
    )
    return 200, {}


@_endpoint(SCHEMAS["typing"])
def typing(caller: Caller, values: Values, raw: bytes, conversation_id: int) -> tuple[int, Values]:
    """Show colleagues that the customer writes, or has stopped."""
    asked_for.own(caller.door, caller.visitor, conversation_id)
    organization_id = caller.door.organization_id
    hints.publish(Hint("writing", organization_id, conversation_id, is_on=values["on"]))
    return 200, {}


@_endpoint(SCHEMAS["rate"])
def rating(caller: Caller, values: Values, raw: bytes, conversation_id: int) -> tuple[int, Values]:
    """Keep the rating of what has ended."""
    asked_for.own(caller.door, caller.visitor, conversation_id)
    chatting.rate(
        caller.door.organization_id,
        conversation_id,
        score=values["score"],
        reasons=values["tags"],
        comment=values["comment"],
    )
    return 201, {}


@_endpoint(SCHEMAS["end"])
def end(caller: Caller, values: Values, raw: bytes, conversation_id: int) -> tuple[int, Values]:
    """End a conversation for the customer."""
    asked_for.own(caller.door, caller.visitor, conversation_id)
    chatting.end(caller.door.organization_id, conversation_id)
    return 200, {}


@_endpoint(has_file=True)
def upload(caller: Caller, name: str, content: bytes) -> tuple[int, Values]:
    """Keep a file until a message claims it."""
    caller.spend("upload", limits.UPLOADS)
    with organization_scope(caller.door.organization_id):
        visitor = visiting.settle(caller.visitor)
        kept = files.store(content, name, identity_id=visitor.identity_id)
    return 201, {
        "id": str(kept.public_id),
        "name": kept.name,
        "mime": kept.mime,
        "size": kept.size_bytes,
    }


@_endpoint(_DEVICE)
def devices(caller: Caller, values: Values, raw: bytes) -> tuple[int, Values]:
    """Keep the device that the app runs on, for pushes."""
    caller.spend("device", limits.ADDRESSES)
    with organization_scope(caller.door.organization_id), organization_transaction():
        visitor = visiting.settle(caller.visitor)
        kept = pushing.register(caller.door.channel_id, visitor.identity_id or 0, **values)
    return 201, {"id": kept.pk}


@_endpoint(method="DELETE")
def device(caller: Caller, query: Values, device_id: int) -> tuple[int, Values]:
    """Forget a device: the customer has signed out of the app on it."""
    with organization_scope(caller.door.organization_id), organization_transaction():
        pushing.sign_off(caller.visitor.identity_id or 0, device_id)
    return 200, {}


def _body(request: HttpRequest, has_file: bool) -> bytes:
    """Return what a signature covers: the body, or the one file in it."""
    if not has_file:
        return request.body
    file = request.FILES.get("file")
    if file is None:
        raise Invalid(field="file")
    content: bytes = file.read()
    return content


def _request(request: HttpRequest) -> asking.Request:
    return asking.Request(
        method=request.method or "",
        path=request.get_full_path(),
        headers={name.lower(): value for name, value in request.headers.items()},
        address=str(request.META.get("REMOTE_ADDR", "")),
    )


def _arguments(request: HttpRequest, raw: bytes, schema: Rules | None) -> tuple[Any, ...]:
    if request.method != "POST":
        return (request.GET.dict(),) if request.GET else ({},)
    if schema is None:
        file = request.FILES["file"]
        return (getattr(file, "name", "") or "", raw)
    return (read(raw, schema), raw)


def read(raw: bytes, schema: Rules) -> Values:
    """Return the values of a JSON object by a schema. Raises Invalid."""
    try:
        data = json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        raise Invalid(field="body") from error
    if not isinstance(data, dict):
        raise Invalid(field="body")
    try:
        return checked(data, schema)
    except FrameRefused as refused:
        raise Invalid(field=refused.field) from refused


def _number(query: Values, name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise Invalid(field=name)
    return min(int(text), LAST)


def _refused(error: HelpdeskError) -> HttpResponse:
    status, body, headers = answers.refusal(error)
    return JsonResponse(body, status=status, headers={**answers.HEADERS, **headers})


def not_found(request: HttpRequest, rest: str) -> HttpResponse:
    """Answer in JSON where nothing is."""
    return _refused(NotFound())

"""What Douyin answers to a call: the status is 200, and the body says in two places what is wrong.

Its codes are from https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi/error-code; of
one that is not known here nothing is taken for granted but that it was refused.
"""

from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.access_tokens import TokenRefused
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, SendError

Kind = Literal["quota", "auth", "rate", "blocked", "undeliverable", "server"]
PAUSE = timedelta(minutes=1)
# Of these tokens another one is asked for once.
_TOKEN_CODES = frozenset({10008, 2190002, 2190008, 28001003, 28001008})
_CODES: dict[Kind, tuple[int, ...]] = {
    "server": (2100004, 2190001, 28001001, 28001005, 28001006),
    "auth": (
        *(10002, 10003, 10010, 10020, 2190003, 2190004, 2190015, 2190016),
        *(28001014, 28001016, 28001018, 28001019),
    ),
    "quota": (28003017, 2119002),
    "rate": (2100007, 28001017),
}
_KINDS: dict[int, Kind] = {code: kind for kind, codes in _CODES.items() for code in codes}


def read(reply: http.Reply, *, sent: bool) -> Fields:
    """Return what a success holds in `data`. Raises SendError."""
    try:
        answer = read_object(reply.content)
        data, extra = answer.fields("data"), answer.fields("extra")
        code = extra.number("error_code") or data.number("error_code") or answer.number("err_no")
        said = extra.line("sub_description", 1000) or extra.line("description", 1000)
        said = said or data.line("description", 1000) or answer.line("err_msg", 1000)
        is_told = "data" in answer or "extra" in answer or "err_no" in answer
    except BadPayload as error:
        raise _unknown(reply, sent=sent) from error
    if code:
        raise _refusal(code, said)
    if reply.status != HTTPStatus.OK:
        raise calling.refusal(reply)
    if not is_told:
        raise _unknown(reply, sent=sent)
    return data


def _refusal(code: int, said: str) -> SendError:
    reason = _("Douyin answers: %(reason)s (%(code)s)") % {"reason": said[:200], "code": code}
    if code in _TOKEN_CODES:
        return TokenRefused(reason)
    kind = _KINDS.get(code, "undeliverable")
    is_passing = kind in {"rate", "server"}
    return SendError(
        reason, kind=kind, retryable=is_passing, retry_after=PAUSE if kind == "rate" else None
    )


def _unknown(reply: http.Reply, *, sent: bool) -> SendError:
    if reply.status != HTTPStatus.OK:
        return calling.refusal(reply)
    # Something in between wrote this; what we sent may have gone through it.
    return SendError(_("What answers there is not Douyin."), kind="server", ambiguous=sent)

"""What WeChat and WeCom answer, and what their errors mean for a message.

https://developers.weixin.qq.com/doc/oplatform/Return_codes/Return_code_descriptions_new.html
https://developer.work.weixin.qq.com/document/path/90313
"""

from contextlib import nullcontext
from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from django.utils.translation import gettext as _

from channels_app import calling
from channels_app.json_fields import LOWEST, Fields, read_object
from channels_app.protocol import BadPayload, SendError

Kind = Literal["window", "quota", "auth", "rate", "blocked", "undeliverable", "server"]
# The token is old or somebody else's: another one may do.
TOKEN_REFUSED = frozenset({40001, 40014, 41001, 42001, 42007, 42009})
_CODES: dict[Kind, tuple[int, ...]] = {
    # Too long since the customer did anything, or their session is over.
    "window": (45015, 95002, 95013, 95016, 95018),
    "quota": (45047, 95001, 95003),
    # The account, its secrets, its rights, and the addresses that may call.
    "auth": (
        *TOKEN_REFUSED,
        *(40013, 40056, 40091, 40125, 40164, 40243, 41002, 41004, 48001, 48002, 48004, 50001),
        *(50002, 50005, 60011, 60020, 61004, 61007, 95011, 95012, 95014, 95017, 301002),
    ),
    "rate": (45009, 45011, 45033, 45035, 50104),
    # They do not follow any more, or want nothing from us.
    "blocked": (43004, 43019, 45072, 48008),
    "server": (-1, 6000, 50003, 50103, 301007),
}
_KINDS: dict[int, Kind] = {code: kind for kind, codes in _CODES.items() for code in codes}
# What is counted by the day is free again at night, by the minute soon.
_PAUSES = {45009: timedelta(hours=1), 45011: timedelta(minutes=1), 45033: timedelta(seconds=10)}
# An answer of theirs is shorter than this; what is longer is a file that looks like one.
_MOST_ANSWER_BYTES = 64 * 1024


class Refused(SendError):
    """They did not take it; `number` says why."""

    def __init__(self, number: int, said: str) -> None:
        kind = _KINDS.get(number, "undeliverable")
        is_passing = kind in {"rate", "server"}
        super().__init__(
            _meaning(kind, number, said),
            kind=kind,
            retryable=is_passing,
            retry_after=_PAUSES.get(number) if is_passing else None,
        )
        self.number = number


def asked(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    content_type: str = "application/json; charset=utf-8",
    sends: bool = False,
    most_bytes: int = calling.MOST_REPLY_BYTES,
) -> Fields:
    """Return what they answer to a call that succeeds. Raises SendError.

    It is ambiguous only where the call `sends`: then what it says may have arrived.
    """
    headers = {"content-type": content_type}
    with nullcontext() if sends else calling.said_nothing_yet():
        reply = calling.exchange(method, url, body=body, headers=headers, most_bytes=most_bytes)
        if reply.status != HTTPStatus.OK:
            raise calling.refusal(reply)
    try:
        answer = read_object(reply.content)
        code = code_of(answer)
    except BadPayload as error:
        raise stranger(is_ambiguous=sends) from error
    if code:
        raise refusal(answer)
    return answer


def code_of(answer: Fields) -> int:
    """Return the number of an error, 0 where all is well. Raises BadPayload."""
    return answer.number("errcode", lowest=LOWEST) or 0


def refusal(answer: Fields) -> Refused:
    """Return what an answer with an error means. Raises BadPayload where it has none."""
    try:
        said = answer.line("errmsg", 2000)
    except BadPayload:
        said = ""
    return Refused(code_of(answer), said)


def in_place_of_a_file(data: bytes) -> Fields | None:
    """Return the answer that came where a file was asked for; None for a file, also one in JSON."""
    if len(data) > _MOST_ANSWER_BYTES or data.lstrip()[:1] != b"{":
        return None
    try:
        found = read_object(data)
        is_answer = code_of(found) != 0 or "video_url" in found
    except BadPayload:
        return None
    return found if is_answer else None


def stranger(*, is_ambiguous: bool) -> SendError:
    """Return what is to be said where something else answers."""
    reason = _("What answers there is not WeChat.")
    return SendError(reason, kind="server", retryable=not is_ambiguous, ambiguous=is_ambiguous)


def _meaning(kind: Kind, number: int, said: str) -> str:
    words = {
        "window": _("The time for answers is over until the customer writes again."),
        "quota": _("As many answers as WeChat allows have been sent; the customer has to write."),
        "auth": _("WeChat does not accept the account, its secret or its rights."),
        "rate": _("WeChat asks us to send more slowly."),
        "blocked": _("The customer takes no messages from here."),
        "server": _("WeChat cannot take it for the moment."),
    }
    # Behind it stand ids of the call that nobody here can use.
    shown = said.partition(" rid:")[0].partition(", hint:")[0][:200]
    known = words.get(kind, _("WeChat refused it."))
    return " ".join(filter(None, (known, shown, f"({number})")))

"""What Slack answers: `ok` and why not, whatever the status is (https://docs.slack.dev/apis/web-api)."""

from datetime import timedelta
from http import HTTPStatus
from typing import Literal

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import calling, http
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import BadPayload, SendError

Kind = Literal["auth", "rate", "blocked", "server"]
_WORDS: dict[Kind, str] = {
    "auth": """
        not_authed invalid_auth account_inactive token_revoked token_expired missing_scope
        no_permission not_allowed_token_type org_login_required ekm_access_denied access_denied
        team_access_not_granted two_factor_setup_required deprecated_endpoint
        method_deprecated accesslimited
    """,
    "rate": "ratelimited rate_limited message_limit_exceeded",
    "blocked": """
        not_in_channel is_archived is_inactive restricted_action restricted_action_read_only_channel
        restricted_action_thread_only_channel restricted_action_non_threadable_channel
        restricted_action_thread_locked messages_tab_disabled cannot_dm_bot user_disabled
        user_not_visible as_user_not_supported team_not_found
    """,
    "server": "service_unavailable request_timeout internal_error fatal_error",
}
_KINDS: dict[str, Kind] = {word: kind for kind, words in _WORDS.items() for word in words.split()}
# Some of it may have happened before it went wrong.
_DOUBTFUL = frozenset({"internal_error", "fatal_error"})
PAUSE = timedelta(seconds=5)


def read(reply: http.Reply) -> Fields:
    """Return the object that a success holds. Raises SendError."""
    try:
        answer = read_object(reply.content)
        is_taken, said = answer.boolean("ok"), answer.line("error", 200)
    except BadPayload as error:
        if reply.status != HTTPStatus.OK:
            raise _by_status(reply) from error
        # Something in between wrote this; what we sent may have gone through it.
        reason = _("What answers there is not Slack.")
        raise SendError(reason, kind="server", ambiguous=True) from error
    if is_taken:
        return answer
    kind = _KINDS.get(said)
    if kind is None and reply.status != HTTPStatus.OK:
        raise _by_status(reply)
    raise SendError(
        _("Slack answers: %(reason)s") % {"reason": said},
        kind=kind or "undeliverable",
        retryable=kind in {"rate", "server"},
        retry_after=_pause(reply) if kind == "rate" else None,
        ambiguous=said in _DOUBTFUL,
    )


def _by_status(reply: http.Reply) -> SendError:
    error = calling.refusal(reply)
    if reply.status == HTTPStatus.GATEWAY_TIMEOUT:
        return SendError(error.message, kind="server", retryable=True, ambiguous=True)
    return error


def _pause(reply: http.Reply) -> timedelta:
    return calling.pause(reply.headers.get("retry-after", ""), timezone.now()) or PAUSE

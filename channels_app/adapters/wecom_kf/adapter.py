"""The customer service of WeCom (https://developer.work.weixin.qq.com/document/path/94638).

A call only says that there is something; it is fetched, account by account, from where reading ended.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app.adapters.wecom_kf.reading import Person, customer_of, read_hint, read_item
from channels_app.json_fields import Fields
from channels_app.protocol import (
    Attachment,
    BadPayload,
    ChannelConfig,
    Event,
    HttpReply,
    OutboundMessage,
    Polled,
    RawRequest,
    SendError,
    SendResult,
)
from channels_app.wechat import answers, company, sending
from channels_app.wechat.accounts import CAPABILITIES, text_max
from channels_app.wechat.envelope import TAKEN
from channels_app.wechat.interface import Interface
from helpdesk.errors import ChannelError

logger = logging.getLogger(__name__)

SEND, SEND_ON_EVENT = "/cgi-bin/kf/send_msg", "/cgi-bin/kf/send_msg_on_event"
SYNC, PEOPLE = "/cgi-bin/kf/sync_msg", "/cgi-bin/kf/customer/batchget"
MOVE, ACCOUNTS = "/cgi-bin/kf/service_state/trans", "/cgi-bin/kf/account/list"
# The session is held by somebody who answers in WeCom, or waits for one.
WRONG_STATE = 95018
_BY_US = 1
PAGE = 200
MOST_PEOPLE = 100
# Without a hint they let us look rarely.
LOOK_EVERY = timedelta(minutes=30)
# What a new channel finds there is older than the call that it was found by.
BEFORE_US = timedelta(hours=1)
# For so long their welcome may be said.
WELCOME_WITHIN = timedelta(seconds=20)


class Adapter:
    """The adapter of the customer service accounts of one company."""

    poll_every: timedelta | None = LOOK_EVERY
    # Each account is known once its first hint has come.
    places: tuple[str, ...] = ()

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.capabilities = replace(
            CAPABILITIES,
            text_max=text_max(config),
            receipts=frozenset({"failed"}),
            idempotent_send=True,
        )
        self._envelope = company.envelope(config)

    def handshake(self, request: RawRequest) -> HttpReply | None:
        return self._envelope.greeted_sealed(request)

    def verify(self, request: RawRequest) -> None:
        self._envelope.verify(request)

    def parse(self, request: RawRequest) -> list[Event]:
        return read_hint(self._envelope.read(request))

    def accepted(self, request: RawRequest) -> HttpReply:
        return TAKEN

    def send(self, message: OutboundMessage) -> SendResult:
        found = company.interface(self.config)
        account = message.thread_key or self.config.text("open_kfid")
        if not account:
            reason = _("It is not known from which account this customer is answered.")
            raise SendError(reason, kind="undeliverable")
        ends = {"touser": company.person(message.to.external_id), "open_kfid": account}
        said = {
            **ends,
            "msgid": _reference(message),
            **sending.content(message, company.SHOWN, found),
        }
        try:
            answer = found.post(SEND, said, sends=True)
        except answers.Refused as refused:
            if refused.number != WRONG_STATE:
                raise
            _take_over(found, account, ends["touser"])
            answer = found.post(SEND, said, sends=True)
        try:
            return SendResult(provider_ids=tuple(filter(None, [answer.identifier("msgid")])))
        except BadPayload:
            return SendResult()

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        found = company.interface(self.config)
        return found.download(attachment.media_ref, attachment.mime)

    def test_connection(self) -> str:
        self._envelope.check_secrets()
        try:
            page = {"offset": 0, "limit": 100}
            rows = company.interface(self.config).ask_at_length(ACCOUNTS, page)
            names = [each.line("name", 100) for each in rows.each("account_list", 100)]
        except BadPayload as error:
            raise ChannelError(_("What answers there is not WeChat."), permanent=True) from error
        if not names:
            reason = _("WeCom knows no customer service account that this app may manage.")
            raise ChannelError(reason, permanent=True)
        return _("Ready: WeCom knows these accounts: %(names)s.") % {"names": ", ".join(names[:10])}

    def poll(self, place: str, position: str, hint: Mapping[str, object]) -> Polled:
        since, _space, cursor = position.partition(" ")
        if not since.isdecimal():
            since = str(int((timezone.now() - BEFORE_US).timestamp()))
        found = company.interface(self.config)
        asked = {"open_kfid": place, "limit": PAGE, "cursor": cursor}
        token = hint.get("token")
        page = found.ask_at_length(SYNC, {**asked, "token": token} if token else asked)
        rows = [row for row in page.each("msg_list", 1000) if _sent_at(row) >= int(since)]
        people = self._people(found, rows)
        self._welcome(found, rows)
        return Polled(
            tuple(read_item(row, people) for row in rows),
            f"{since} {page.line('next_cursor', 1000) or cursor}",
            has_more=page.number("has_more") == 1,
        )

    def _people(self, found: Interface, rows: Iterable[Fields]) -> dict[str, Person]:
        """Return what WeCom says of the customers who wrote; a message comes without a name rather than not."""
        wanted = sorted({customer_of(row) for row in rows} - {""})[:MOST_PEOPLE]
        if not wanted:
            return {}
        try:
            asked = {"external_userid_list": wanted, "need_enter_session_context": 0}
            told = found.ask_at_length(PEOPLE, asked).each("customer_list", MOST_PEOPLE)
            return {customer_of(row): _person(row) for row in told}
        except (SendError, BadPayload) as error:
            logger.warning("Names of customers are not told: %s", _code(error))
            return {}

    def _welcome(self, found: Interface, rows: Iterable[Fields]) -> None:
        """Say the welcome to those who have just come; whoever came earlier has seen none, and needs none now."""
        words = self.config.text("welcome")
        now = timezone.now().timestamp()
        for row in rows if words else ():
            code = _welcome_code(row)
            if not code or now - _sent_at(row) > WELCOME_WITHIN.total_seconds():
                continue
            reference = hashlib.sha256(code.encode()).hexdigest()[:32]
            try:
                said = {"code": code, "msgid": reference, **sending.text(words)}
                found.post(SEND_ON_EVENT, said)
            except SendError as error:
                logger.warning("A welcome was not said: %s", _code(error))


def _take_over(found: Interface, account: str, customer: str) -> None:
    """Have the session answered by us. Raises SendError when it is over."""
    facts = {"open_kfid": account, "external_userid": customer, "service_state": _BY_US}
    found.post(MOVE, facts)


def _reference(message: OutboundMessage) -> str:
    """Return our id of a message in their form: 32 letters and digits at most."""
    return UUID(message.client_ref).hex


def _sent_at(row: Fields) -> int:
    """Return when a message was sent, in seconds; one that does not say is of now."""
    try:
        found = row.number("send_time")
    except BadPayload:
        found = None
    return int(timezone.now().timestamp()) if found is None else found


def _welcome_code(row: Fields) -> str:
    try:
        told = row.fields("event")
        is_arrival = told.line("event_type", 100) == "enter_session"
        return told.identifier("welcome_code", 500) if is_arrival else ""
    except BadPayload:
        return ""


def _person(row: Fields) -> Person:
    return Person(
        name=row.line("nickname", 200),
        picture=row.line("avatar", 1000),
        union_id=row.identifier("unionid", 128),
    )


def _code(error: SendError | BadPayload) -> str:
    return str(error.number) if isinstance(error, answers.Refused) else type(error).__name__

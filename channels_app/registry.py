"""Which kinds of channel there are. A new one is one folder and one line here."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from channels_app.calls import recording
from channels_app.protocol import Adapter, ChannelConfig
from channels_app.services import fetching, health, mailbox_reports, pushing
from channels_app.services.tokens import ChannelTokens
from helpdesk.models import Channel
from helpdesk.registries import SIGNING_SECRET, ChannelKind, Limits, channel_kinds, secrets_by_name
from helpdesk.tenancy import organization_transaction

if TYPE_CHECKING:
    from channels_app.fake_vendor import FakeVendor

# Each folder describes itself in KIND and has its code in adapter.Adapter, loaded on first use.
FOLDERS: dict[str, str] = {
    "webchat": "channels_app.adapters.webchat",
    "mail": "channels_app.adapters.mail",
    "webhook": "channels_app.adapters.webhook",
    "form": "channels_app.adapters.form",
    "line": "channels_app.adapters.line",
    "whatsapp": "channels_app.adapters.whatsapp",
    "messenger": "channels_app.adapters.messenger",
    "instagram": "channels_app.adapters.instagram",
    "telegram": "channels_app.adapters.telegram",
    "sms_twilio": "channels_app.adapters.sms_twilio",
    "app": "channels_app.adapters.app",
    "weibo": "channels_app.adapters.weibo",
    "douyin": "channels_app.adapters.douyin",
    "wechat": "channels_app.adapters.wechat",
    "wechat_mini": "channels_app.adapters.wechat_mini",
    "feishu": "channels_app.adapters.feishu",
    "slack": "channels_app.adapters.slack",
    "discord": "channels_app.adapters.discord",
    "teams": "channels_app.adapters.teams",
    "dingtalk": "channels_app.adapters.dingtalk",
    "wecom_kf": "channels_app.adapters.wecom_kf",
    "wecom_app": "channels_app.adapters.wecom_app",
    "sms_aliyun": "channels_app.adapters.sms_aliyun",
    "x_dm": "channels_app.adapters.x_dm",
    "google_play": "channels_app.adapters.google_play",
    "app_store": "channels_app.adapters.app_store",
    "rss": "channels_app.adapters.rss",
    "voice_twilio": "channels_app.adapters.voice_twilio",
    "voice_asterisk": "channels_app.adapters.voice_asterisk",
}

# Kinds that are fetched, and who says how that goes.
REPORTS = {"mail": mailbox_reports.report, "app": pushing.report}


class UnknownKind(KeyError):
    """No adapter has this name."""


def register_kinds() -> None:
    """Tell the core which kinds there are, with what the guided form needs."""
    for name, folder in FOLDERS.items():
        kind = cast(ChannelKind, import_module(folder).KIND)
        known = replace(
            kind,
            guide=_guide_of(name, kind),
            limits=_limits_of(name),
            test_connection=_connection_test(name),
            report=REPORTS.get(name, fetching.report),
        )
        channel_kinds.register(name, known)


def _guide_of(name: str, kind: ChannelKind) -> tuple[str | Promise, ...]:
    """Return what to do at the vendor's; and what to take care of where calls prove less than they say."""
    if not kind.guide or make_adapter(name, ChannelConfig("")).capabilities.body_signed:
        return kind.guide
    return (
        *kind.guide,
        _(
            "Mind: this vendor does not sign what its calls say. Whoever learns the address for the"
            " vendor and a proof of one call could make up others: show them to nobody."
        ),
    )


def adapter_for(channel: Channel) -> Adapter:
    """Return the adapter of a channel, made with its settings and secrets."""
    return make_adapter(channel.kind, config_of(channel))


def make_adapter(kind: str, config: ChannelConfig) -> Adapter:
    """Return an adapter of this kind. Raises UnknownKind."""
    return adapter_class(kind)(config)


def fake_vendor_of(kind: str) -> type["FakeVendor"]:
    """Return the class that plays the vendor of this kind. Raises UnknownKind where nobody has to."""
    name = f"{FOLDERS.get(kind, kind)}.fake"
    if kind not in FOLDERS or find_spec(name) is None:
        raise UnknownKind(kind)
    return cast("type[FakeVendor]", import_module(name).Vendor)


def config_of(channel: Channel) -> ChannelConfig:
    """Return the plain values that an adapter may know of its channel."""
    kind = channel_kinds.get(channel.kind) if channel.kind in channel_kinds else None
    stored = (channel.secret, channel.previous_secret)
    named: dict[str, str] = {}
    before: dict[str, str] = {}
    if kind and len(kind.secret_names) > 1:
        named, before = map(secrets_by_name, stored)
        stored = (named.pop(SIGNING_SECRET, ""), before.pop(SIGNING_SECRET, ""))
    return ChannelConfig(
        public_id=channel.public_id,
        settings=dict(channel.settings),
        secrets=tuple(filter(None, stored)),
        named_secrets=named,
        named_before=before,
        base_url=str(channel.settings.get("base_url", "")),
        tokens=ChannelTokens(channel.pk, _version(channel)),
    )


def _version(channel: Channel) -> str:
    told = json.dumps([channel.settings, channel.secret], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def account_of(channel: Channel) -> recording.Account:
    """Return whose calls those of a channel's adapter are."""
    return recording.account_of(channel.organization_id, channel.pk, config_of(channel))


@cache
def adapter_class(kind: str) -> type[Adapter]:
    """Return the class behind a kind. Raises UnknownKind."""
    if kind not in FOLDERS:
        raise UnknownKind(kind)
    return cast(type[Adapter], import_module(f"{FOLDERS[kind]}.adapter").Adapter)


@cache  # one object for one kind, so that registering twice is not a conflict
def _limits_of(kind: str) -> Callable[[Mapping[str, object]], Limits]:
    return lambda settings: make_adapter(kind, ChannelConfig("", settings)).capabilities


@cache
def _connection_test(kind: str) -> "partial[str]":
    return partial(_test_connection, kind)


def _test_connection(kind: str, channel_id: int) -> str:
    with organization_transaction():
        channel = Channel.objects.get(pk=channel_id)
        config, account = config_of(channel), account_of(channel)
    # The vendor is asked outside the transaction.
    with recording.calls_of(account, recording.TEST):
        told = make_adapter(kind, config).test_connection()
    with organization_transaction():
        health.mend(channel_id)
        fetching.try_again(channel_id, timezone.now())
    return told

"""A company on WeCom and one of its apps: whom calls are sealed for, and how it is called."""

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from channels_app.protocol import ChannelConfig, SendError
from channels_app.wechat import tokens
from channels_app.wechat.envelope import Envelope
from channels_app.wechat.interface import Interface
from channels_app.wechat.sending import MEGABYTE, Shown
from helpdesk.registries import SettingField

BASE_URL = "https://qyapi.weixin.qq.com"
PICTURE = Shown("image", frozenset({"image/jpeg", "image/png"}), 10 * MEGABYTE)
SOUND = Shown("voice", frozenset({"audio/amr"}), 2 * MEGABYTE)
FILM = Shown("video", frozenset({"video/mp4"}), 10 * MEGABYTE)
ANY_FILE = Shown("file", None, 20 * MEGABYTE)
SHOWN = (PICTURE, SOUND, FILM, ANY_FILE)
_PERSON = re.compile("[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")


def envelope(config: ChannelConfig) -> Envelope:
    """Return how the company's calls are sealed."""
    return Envelope(config, config.text("corp_id"))


def interface(config: ChannelConfig) -> Interface:
    """Return the calls to the company's app. Raises SendError."""
    corp_id, secret = config.text("corp_id"), config.named_secrets.get("app_secret", "").strip()
    if not (corp_id and secret):
        raise SendError(_("The company id or the secret of the app is missing."), kind="auth")
    base = config.address("base_url", BASE_URL)
    return Interface(config, base, lambda _refused: tokens.of_company(base, corp_id, secret))


def person(external_id: str) -> str:
    """Return the id of one person. Raises SendError for what would reach several, or nobody."""
    if not _PERSON.fullmatch(external_id):
        raise SendError(_("This is nobody who can be answered here."), kind="undeliverable")
    return external_id


def corp_id() -> SettingField:
    """Return the field of the company's id."""
    return SettingField(
        "corp_id",
        gettext_lazy("Company id"),
        gettext_lazy("It begins with ww, and stands under “My company”."),
        required=True,
    )

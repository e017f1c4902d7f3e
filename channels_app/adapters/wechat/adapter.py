"""WeChat official accounts (https://developers.weixin.qq.com/doc/offiaccount/)."""

from typing import ClassVar

from channels_app.wechat.accounts import AccountAdapter
from channels_app.wechat.sending import FILM, PICTURE, SOUND, Shown


class Adapter(AccountAdapter):
    """The adapter of one official account."""

    shown: ClassVar[tuple[Shown, ...]] = (PICTURE, SOUND, FILM)

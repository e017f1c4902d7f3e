"""The customer service of WeChat mini programs (https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/customer-message/)."""

from typing import ClassVar

from channels_app.wechat.accounts import AccountAdapter
from channels_app.wechat.sending import PICTURE, Shown


class Adapter(AccountAdapter):
    """The adapter of one mini program, which shows nothing but words and pictures."""

    shown: ClassVar[tuple[Shown, ...]] = (PICTURE,)

"""An official account of WeChat, played on loopback."""

from typing import ClassVar

from channels_app.wechat.played import PlayedAccount

_ABOUT = "<ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName><CreateTime>1</CreateTime>"


class Vendor(PlayedAccount):
    """Calls in XML, as official accounts do."""

    unknown: ClassVar[tuple[bytes, ...]] = tuple(
        f"<xml>{_ABOUT}<MsgType>event</MsgType><Event>{event}</Event></xml>".encode()
        for event in ("TEMPLATESENDJOBFINISH", "LOCATION", "kf_create_session", "news_to_come")
    )

"""The customer service of a mini program, played on loopback."""

from typing import ClassVar

from channels_app.wechat.played import PlayedAccount

_ABOUT = '"ToUserName": "gh_1", "FromUserName": "o1", "CreateTime": 1, "MsgType": "event"'


class Vendor(PlayedAccount):
    """Calls in JSON, as mini programs may; whoever writes is somebody else than at an official account."""

    in_json: ClassVar[bool] = True
    content_type: ClassVar[str] = "application/json"
    customer: ClassVar[str] = "oGZUI0egBJY1zhBYw2KhdUfwVJJE"
    unknown: ClassVar[tuple[bytes, ...]] = tuple(
        f'{{{_ABOUT}, "Event": "{event}"}}'.encode()
        for event in ("wxa_media_check", "kf_close_session", "news_to_come")
    )

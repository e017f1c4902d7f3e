"""The interface of WeChat and WeCom: calls with a token, and files. Errors come with status 200.

https://developers.weixin.qq.com/doc/offiaccount/Message_Management/Service_Center_messages.html
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from channels_app import calling, form_bodies, vendor_files
from channels_app.json_fields import MOST_BYTES, Fields
from channels_app.protocol import Attachment, BadPayload, ChannelConfig, FetchToken
from channels_app.wechat import answers
from helpdesk.errors import ChannelError

TOKEN = "access_token"  # noqa: S105  (a name)
UPLOAD, DOWNLOAD = "/cgi-bin/media/upload", "/cgi-bin/media/get"


@dataclass(frozen=True, slots=True)
class Request:
    """One call but for its token."""

    path: str
    query: Mapping[str, str]
    body: bytes | None = None
    content_type: str = "application/json; charset=utf-8"
    # Whether something may have been said although no answer came.
    sends: bool = False
    most_bytes: int = calling.MOST_REPLY_BYTES


@dataclass(frozen=True, slots=True)
class Interface:
    """The calls to one account; `fetch_token` asks for a token other than the one that was refused."""

    config: ChannelConfig
    base: str
    fetch_token: Callable[[str], FetchToken]

    def post(self, path: str, values: Mapping[str, object], *, sends: bool = False) -> Fields:
        """Return the answer to a call. Raises SendError, an ambiguous one only where the call `sends`."""
        return self._answered(Request(path, {}, _written(values), sends=sends))

    def ask_at_length(self, path: str, values: Mapping[str, object]) -> Fields:
        """Return the answer to a question that may be long. Raises SendError."""
        return self._answered(Request(path, {}, _written(values), most_bytes=MOST_BYTES))

    def get(self, path: str, **query: str) -> Fields:
        """Return the answer to a question. Raises SendError."""
        return self._answered(Request(path, query))

    def upload(self, file: Attachment, kind: str) -> str:
        """Return the id of a file that was handed over. Raises SendError."""
        body, headers = form_bodies.with_file({}, "media", file)
        request = Request(UPLOAD, {"type": kind}, body, headers["content-type"])
        found = self._answered(request)
        try:
            return found.identifier("media_id", 500, required=True)
        except BadPayload as error:
            raise answers.stranger(is_ambiguous=False) from error

    def download(self, reference: str, mime: str) -> tuple[bytes, str]:
        """Return the bytes of a file and their type; what comes instead may be an error. Raises ChannelError."""
        token = self._token()
        data, claimed = self._file(reference, mime, token)
        answer = answers.in_place_of_a_file(data)
        if answer is not None and answers.code_of(answer) in answers.TOKEN_REFUSED:
            data, claimed = self._file(reference, mime, self._token(refused=token))
            answer = answers.in_place_of_a_file(data)
        if answer is None:
            return data, claimed
        if answers.code_of(answer):
            refused = answers.refusal(answer)
            raise ChannelError(refused.message, permanent=not refused.retryable)
        # A video is only pointed to; where it lies, the token has no business.
        url = answer.line("video_url", 2000)
        if not url:
            raise ChannelError(_("The file has no usable address."), permanent=True)
        return vendor_files.fetch(url, mime)

    def _answered(self, request: Request) -> Fields:
        token = self._token()
        try:
            return self._asked(request, token)
        except answers.Refused as refused:
            if refused.number not in answers.TOKEN_REFUSED:
                raise
            return self._asked(request, self._token(refused=token))

    def _asked(self, request: Request, token: str) -> Fields:
        url = self._address(request.path, {TOKEN: token, **request.query})
        return answers.asked(
            "GET" if request.body is None else "POST",
            url,
            body=request.body,
            content_type=request.content_type,
            sends=request.sends,
            most_bytes=request.most_bytes,
        )

    def _file(self, reference: str, mime: str, token: str) -> tuple[bytes, str]:
        url = self._address(DOWNLOAD, {TOKEN: token, "media_id": reference})
        return vendor_files.fetch(url, mime)

    def _token(self, *, refused: str = "") -> str:
        return self.config.tokens.get(TOKEN, self.fetch_token(refused), refused=refused)

    def _address(self, path: str, query: Mapping[str, str]) -> str:
        return f"{self.base}{path}?{urlencode(query)}"


def _written(values: Mapping[str, object]) -> bytes:
    # They show escapes of what is not ASCII as they stand.
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")

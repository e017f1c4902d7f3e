"""Reviews of Google Play (https://developers.google.com/android-publisher/reply-to-reviews)."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import quote, urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import app_reviews, calling, http, own_tokens
from channels_app.access_tokens import with_token
from channels_app.adapters.google_play import answers
from channels_app.adapters.google_play.reading import read_page
from channels_app.app_reviews import Look
from channels_app.json_fields import Fields, read_object
from channels_app.protocol import (
    Attachment,
    BadPayload,
    ChannelConfig,
    OutboundMessage,
    Polled,
    SendError,
    SendResult,
)
from channels_app.uncalled import Uncalled
from helpdesk.errors import ChannelError

BASE_URL = "https://androidpublisher.googleapis.com"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105  (an address)
SCOPE = "https://www.googleapis.com/auth/androidpublisher"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TEXT_MAX = 350
# Of reviews on one page.
PAGE = 100
MOST_PAGE_BYTES = 2 * 1024 * 1024
LIFE = timedelta(hours=1)
_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+")


class Adapter(Uncalled):
    """The adapter of one app's reviews."""

    poll_every = app_reviews.EVERY
    places = ("",)

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.capabilities = app_reviews.capabilities(
            config.number("text_max", TEXT_MAX), timedelta(seconds=4 * http.WHOLE_CALL_SECONDS)
        )

    def poll(self, place: str, position: str, hint: Mapping[str, object]) -> Polled:
        look = Look.at(position, timezone.now())
        query = {"maxResults": str(PAGE), **({"token": look.page} if look.page else {})}
        answer = self._ask("GET", f"reviews?{urlencode(query)}")
        reviews, following = read_page(answer)
        return look.after(reviews, following, is_in_order=False)

    def send(self, message: OutboundMessage) -> SendResult:
        review = quote(message.to.external_id, safe="")
        self._ask("POST", f"reviews/{review}:reply", {"replyText": message.text})
        return SendResult()

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        raise ChannelError(_("Reviews have no files."), permanent=True)

    def test_connection(self) -> str:
        self._ask("GET", "reviews?maxResults=1")
        return _("Ready: Google Play shows the reviews of %(app)s.") % {
            "app": self.config.text("package")
        }

    def _ask(self, method: str, path: str, values: Mapping[str, str] | None = None) -> Fields:
        package = self.config.text("package")
        if not _PACKAGE.fullmatch(package):
            raise SendError(_("There is no usable name of an app yet."), kind="auth")
        base = self.config.address("base_url", BASE_URL)
        url = f"{base}/androidpublisher/v3/applications/{package}/{path}"
        body = json.dumps(values, ensure_ascii=False).encode("utf-8", "replace") if values else None

        def call(token: str) -> Fields:
            reply = calling.exchange(
                method, url, body=body, headers=calling.bearer(token), most_bytes=MOST_PAGE_BYTES
            )
            return answers.read(reply)

        return with_token(self.config, self._fetch_token, call)

    def _fetch_token(self) -> tuple[str, timedelta]:
        try:
            known = read_object(own_tokens.key_of(self.config, "service_account").encode())
            pem, account = known.text("private_key", 9000), known.line("client_email", 300)
            key_id = known.identifier("private_key_id")
        except BadPayload as error:
            reason = _("The key of the service account is no JSON of Google's.")
            raise SendError(reason, kind="auth") from error
        now = int(timezone.now().timestamp())
        claims = {
            "iss": account,
            "scope": SCOPE,
            "aud": TOKEN_URL,
            "iat": now,
            "exp": now + int(LIFE.total_seconds()),
        }
        form = {"grant_type": GRANT, "assertion": own_tokens.sign(claims, pem=pem, key_id=key_id)}
        reply = calling.exchange(
            "POST",
            self.config.address("token_url", TOKEN_URL),
            body=urlencode(form).encode(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        return answers.read_token(reply)

"""Reviews of the App Store (https://developer.apple.com/documentation/appstoreconnectapi/customer-reviews)."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import app_reviews, calling, http, own_tokens
from channels_app.access_tokens import with_token
from channels_app.adapters.app_store import answers
from channels_app.adapters.app_store.reading import read_page
from channels_app.app_reviews import Look
from channels_app.json_fields import Fields
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

BASE_URL = "https://api.appstoreconnect.apple.com"
AUDIENCE = "appstoreconnect-v1"
TEXT_MAX = 5970
# Of reviews on one page.
PAGE = 100
MOST_PAGE_BYTES = 2 * 1024 * 1024
# They take no token that lives longer than twenty minutes.
LIFE = timedelta(minutes=15)
_APP = re.compile("[0-9]{1,20}")


class Adapter(Uncalled):
    """The adapter of one app's reviews."""

    poll_every = app_reviews.EVERY
    places = ("",)

    def __init__(self, config: ChannelConfig) -> None:
        self.config = config
        self.capabilities = app_reviews.capabilities(
            config.number("text_max", TEXT_MAX), timedelta(seconds=2 * http.WHOLE_CALL_SECONDS)
        )

    def poll(self, place: str, position: str, hint: Mapping[str, object]) -> Polled:
        look = Look.at(position, timezone.now())
        query = {"limit": str(PAGE), "sort": "-createdDate", "include": "response"}
        if look.page:
            query["cursor"] = look.page
        answer = self._ask("GET", f"/v1/apps/{self._app()}/customerReviews?{urlencode(query)}")
        reviews, following = read_page(answer)
        return look.after(reviews, following, is_in_order=True)

    def send(self, message: OutboundMessage) -> SendResult:
        about = {"type": "customerReviews", "id": message.to.external_id}
        told = {
            "type": "customerReviewResponses",
            "attributes": {"responseBody": message.text},
            "relationships": {"review": {"data": about}},
        }
        answer = self._ask("POST", "/v1/customerReviewResponses", {"data": told})
        try:
            found = answer.fields("data").identifier("id")
            return SendResult(provider_ids=tuple(filter(None, [found])))
        except BadPayload:
            return SendResult()

    def fetch_media(self, attachment: Attachment) -> tuple[bytes, str]:
        raise ChannelError(_("Reviews have no files."), permanent=True)

    def test_connection(self) -> str:
        self._ask("GET", f"/v1/apps/{self._app()}/customerReviews?limit=1")
        return _("Ready: the App Store shows the reviews of %(app)s.") % {"app": self._app()}

    def _ask(self, method: str, path: str, values: Mapping[str, object] | None = None) -> Fields:
        url = f"{self.config.address('base_url', BASE_URL)}{path}"
        body = json.dumps(values, ensure_ascii=False).encode("utf-8", "replace") if values else None

        def call(token: str) -> Fields:
            reply = calling.exchange(
                method, url, body=body, headers=calling.bearer(token), most_bytes=MOST_PAGE_BYTES
            )
            return answers.read(reply)

        return with_token(self.config, self._make_token, call)

    def _make_token(self) -> tuple[str, timedelta]:
        now = int(timezone.now().timestamp())
        claims = {
            "iss": self.config.text("issuer_id"),
            "iat": now,
            "exp": now + int(LIFE.total_seconds()),
            "aud": AUDIENCE,
        }
        pem = own_tokens.key_of(self.config, "private_key")
        return own_tokens.sign(claims, pem=pem, key_id=self.config.text("key_id")), LIFE

    def _app(self) -> str:
        found = self.config.text("app_id")
        if not _APP.fullmatch(found):
            raise SendError(_("There is no usable name of an app yet."), kind="auth")
        return found

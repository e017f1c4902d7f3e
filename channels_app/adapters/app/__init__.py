"""The organization's own mobile app, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Mobile app"),
    icon="phone",
    is_chat=True,
    is_live=True,
    shows_one=True,
    capabilities=frozenset({"attachments", "typing", "delivered", "read"}),
    guide=(
        _(
            "Make a secret of 32 or more random bytes and enter it here; or enter the public keys of"
            " your app's server. Neither secret nor private key may be in the app itself."
        ),
        _(
            "Let your server give each signed-in user of the app a token (JWT) for at most an hour:"
            " sub is the user's id with you, aud the last part of the address for the vendor, exp its end."
        ),
        _(
            "In the app open the socket /live/visitor/<public id>/ of this installation and say hello"
            " with the token, or use the REST interface /api/app/v1/<public id>/."
        ),
        _(
            "For pushes enter the service account of your Firebase project, or an address of your own;"
            " and let the app register its device after signing in."
        ),
        _("The page docs/mobile-app.md describes both, with examples for curl."),
    ),
    settings=(
        SettingField(
            "secret",
            _("Secret for signed identities"),
            _("HS256, audience = public id, valid for an hour at most."),
            kind="secret",
        ),
        SettingField(
            "public_keys",
            _("Public keys for signed identities"),
            _(
                "RS256 or ES256: a line with the key's name (kid), and below it the key in PEM,"
                " BEGIN PUBLIC KEY. Several keys stand below each other."
            ),
            kind="lines",
        ),
        SettingField(
            "signed_requests",
            _("Every request is signed besides"),
            _(
                "On: REST requests and the opening of the socket need X-ED-Timestamp, X-ED-Nonce and"
                " X-ED-Signature, and each is good once."
            ),
            kind="boolean",
            default=False,
        ),
        SettingField(
            "request_secret",
            _("Secret for signed requests"),
            _("Goes into the app. It must be another one than that of the identities."),
            kind="secret",
        ),
        SettingField(
            "push_after_seconds",
            _("Seconds before a push"),
            _("A reply that the app has not shown by then is pushed to the customer's devices."),
            kind="number",
            default=10,
        ),
        SettingField(
            "push_text",
            _("Pushes show the text of the reply"),
            _(
                "Off: they only say that there is a message. The text passes through the push service."
            ),
            kind="boolean",
            default=False,
        ),
        SettingField(
            "fcm_service_account",
            _("Service account of Firebase"),
            _("The whole JSON file of the key. Firebase reaches Android, and iOS through Apple."),
            kind="secret",
        ),
        vendor_address("fcm_url", _("Address of Firebase Cloud Messaging")),
        vendor_address("fcm_token_url", _("Address of Google's tokens")),
        SettingField(
            "push_url",
            _("Address for pushes of your own"),
            _(
                "Pushes for devices of the service “webhook” are posted there, signed as Standard Webhooks."
            ),
        ),
        SettingField(
            "push_secret",
            _("Secret for pushes of your own"),
            _("whsec_ and 24 or more random bytes in base64."),
            kind="secret",
        ),
        SettingField("greeting_zh", _("Greeting in Chinese"), _("Empty: a greeting by the hour.")),
        SettingField("greeting_en", _("Greeting in English"), _("Empty: a greeting by the hour.")),
        SettingField(
            "topics",
            _("Questions to start from"),
            _(
                "One on each line, Chinese and English divided by a vertical bar: 查物流 | Track a parcel"
            ),
            kind="lines",
        ),
        SettingField("away_zh", _("Away message in Chinese")),
        SettingField("away_en", _("Away message in English")),
    ),
)

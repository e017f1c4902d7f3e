"""Microsoft Teams, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from helpdesk.registries import ChannelKind, SettingField

# What nobody has verified: the form lets it be changed.
TEXT_MAX = 28_000
SERVICE_HOSTS = ("smba.trafficmanager.net", "*.botframework.com")

KIND = ChannelKind(
    label=_("Microsoft Teams"),
    icon="chat",
    capabilities=frozenset({"attachments", "vendor_keys"}),
    guide=(
        _(
            "A door for people of your organization, and for guests of its teams. Private chats,"
            " group chats and threads of channels are answered where they were begun."
        ),
        _("In the Azure portal make an Azure Bot, with a new app of a single tenant."),
        _(
            "Take the application (client) ID and the directory (tenant) ID, which is a GUID, and"
            " make a client secret under “Certificates & secrets”."
        ),
        _(
            "Save here, then paste the address for the vendor as “Messaging endpoint” of the bot,"
            " and add Microsoft Teams under “Channels”."
        ),
        _(
            "In the Developer Portal of Teams make an app with this bot, for personal use, teams"
            " and group chats, and have it published in your organization."
        ),
    ),
    settings=(
        SettingField("app_id", _("Application (client) ID"), required=True),
        SettingField(
            "secret",
            _("Client secret"),
            _("We are known by it; calls are proved by keys of Microsoft's."),
            kind="secret",
            required=True,
        ),
        SettingField(
            "tenant_id",
            _("Directory (tenant) ID"),
            _(
                "The GUID: with it calls of other tenants are refused, with a domain name they are"
                " not. Empty: the app is one of several tenants."
            ),
        ),
        SettingField(
            "service_hosts",
            _("Hosts that answers may leave to"),
            _("One on each line; *. stands for all below. Empty: those of Microsoft."),
            kind="lines",
        ),
        SettingField(
            "text_max",
            _("Longest text, in bytes"),
            _("A longer one leaves in parts."),
            kind="number",
            default=TEXT_MAX,
        ),
        vendor_address("service_url", _("Address of the service")),
        vendor_address("login_url", _("Address that gives tokens")),
        vendor_address("openid_url", _("Address of the keys that prove calls")),
    ),
)

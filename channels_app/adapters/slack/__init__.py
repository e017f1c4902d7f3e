"""Slack, as the core and the guided form in admin know it."""

from django.utils.translation import gettext_lazy as _

from channels_app.setting_fields import vendor_address
from helpdesk.registries import ChannelKind, SettingField

KIND = ChannelKind(
    label=_("Slack"),
    icon="chat",
    capabilities=frozenset({"attachments"}),
    guide=(
        _(
            "A door for colleagues, and for customers with whom you share channels by Slack"
            " Connect. Each thread of a channel is a conversation, and is answered in the thread."
        ),
        _("At api.slack.com/apps make an app from scratch in your workspace."),
        _(
            "Under “OAuth & Permissions” give the bot chat:write, im:history, im:write,"
            " files:read, files:write, app_mentions:read, and channels:history or groups:history"
            " for channels whose every message counts. Leave token rotation off."
        ),
        _(
            "Install the app, and take the bot token (xoxb-…) there and the signing secret from"
            " “Basic Information”."
        ),
        _(
            "Without a public address switch “Socket Mode” on there, make an app-level token"
            " (xapp-…) with connections:write under “Basic Information”, and choose Socket Mode"
            " here too: there is nothing to paste then, and no signing secret is needed."
        ),
        _(
            "Otherwise save here, then paste the address for the vendor under “Event"
            " Subscriptions”; also under “Interactivity” if you send buttons."
        ),
        _(
            "Subscribe to the bot events message.im and app_mention; also to message.channels,"
            " message.groups and message.mpim where every message counts."
        ),
        _("Under “App Home” allow people to write to the app, and invite it to its channels."),
    ),
    settings=(
        SettingField(
            "mode",
            _("How messages come"),
            kind="choice",
            choices=(
                ("http", _("Slack calls us (Events API)")),
                ("socket", _("We call Slack (Socket Mode)")),
            ),
            default="http",
        ),
        SettingField(
            "secret",
            _("Signing secret"),
            _("Slack signs every call with it. Needed where Slack calls us."),
            kind="secret",
            required=True,
            needed_by=("mode", "http"),
        ),
        SettingField(
            "app_token",
            _("App-level token"),
            _("xapp-…, with connections:write. Needed for Socket Mode."),
            kind="secret",
            required=True,
            needed_by=("mode", "socket"),
        ),
        SettingField("bot_token", _("Bot token"), kind="secret", required=True),
        SettingField(
            "team_id",
            _("Workspace ID"),
            _("T…, needed only where the same app is installed in several workspaces."),
        ),
        vendor_address(),
    ),
)

"""Settings that the doors of Tencent have in common, as the guided form shows them."""

from django.utils.translation import gettext_lazy as _

from helpdesk.registries import SettingField


def token() -> SettingField:
    """Return the field of the word that calls are signed with."""
    return SettingField(
        "secret",
        _("Token"),
        _("A word of your own, the same there: every call is signed with it."),
        kind="secret",
        required=True,
    )


def aes_key() -> SettingField:
    """Return the field of the key that calls are sealed with."""
    return SettingField(
        "aes_key",
        _("EncodingAESKey"),
        _("43 characters, the same there: every call is sealed with it."),
        kind="secret",
        required=True,
    )


def text_max() -> SettingField:
    """Return the field of how long a text may be."""
    return SettingField(
        "text_max",
        _("Bytes in a message"),
        _("A longer text leaves in parts. A Chinese character has three bytes."),
        kind="number",
        default=2048,
    )

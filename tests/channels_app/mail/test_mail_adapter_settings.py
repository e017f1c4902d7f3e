"""The guided form of a mailbox: several secrets, each written once and never shown."""

import runpy
from collections.abc import Iterator
from typing import Any

import pytest
from django.forms import modelform_factory
from django.test import override_settings

from channels_app.adapters import mail
from channels_app.adapters.mail import KIND
from channels_app.registry import config_of
from helpdesk.admin.channel_forms import ChannelForm, channel_form
from helpdesk.models import Channel
from helpdesk.registries import secrets_by_name
from tests.factories import World


def _form_class() -> Any:
    return modelform_factory(Channel, form=channel_form("mail", KIND), fields=())


@pytest.fixture
def channel(world: World) -> Iterator[Channel]:
    world.channel.kind, world.channel.secret = "mail", ""
    with world.transaction():
        yield world.channel


def filled(channel: Channel, **changes: Any) -> ChannelForm:
    """Return the form as a browser sends it, with the channel filled from it."""
    sent = {"address": "help@ours.example", "imap_host": "imap.ours.example", **changes}
    data = {f"setting_{name}": value for name, value in sent.items()}
    form = _form_class()(data, instance=channel)
    form.full_clean()
    form.fill(channel)
    return form


def test_every_secret_is_kept_and_only_the_one_that_signs_lives_on(channel: Channel) -> None:
    filled(channel, imap_password="i-1", secret="signs-1")
    filled(channel, smtp_password="s-1")
    filled(channel, imap_password="i-2", secret="signs-2")
    assert secrets_by_name(channel.secret) == {
        "imap_password": "i-2",
        "smtp_password": "s-1",
        "secret": "signs-2",
    }
    config = config_of(channel)
    assert config.secrets == ("signs-2", "signs-1")
    assert config.named_secrets == {"imap_password": "i-2", "smtp_password": "s-1"}
    assert not any("password" in name or name == "secret" for name in config.settings)
    filled(channel, imap_password="i-3", secret="signs-2")
    assert config_of(channel).secrets == ("signs-2", "signs-1")


def test_only_what_is_stored_is_said_to_be_stored(channel: Channel) -> None:
    filled(channel, imap_password="hush-hush")
    form = _form_class()(instance=channel)
    assert form.fields["setting_imap_password"].help_text
    assert not form.fields["setting_smtp_password"].help_text
    assert "hush-hush" not in str(form["setting_imap_password"])


def test_a_secret_from_before_there_were_several_goes_on_signing() -> None:
    assert secrets_by_name("plain") == {"secret": "plain"}
    assert secrets_by_name("12") == {"secret": "12"}
    assert secrets_by_name("") == {}


def test_an_installation_that_others_can_reach_offers_no_folder() -> None:
    outgoing = next(field for field in KIND.settings if field.name == "outgoing")
    assert [name for name, _label in outgoing.choices][:1] == ["smtp"]
    with override_settings(IS_LOOPBACK=False):
        kind = runpy.run_path(mail.__file__)["KIND"]
    offered = next(field for field in kind.settings if field.name == "outgoing")
    assert [name for name, _label in offered.choices] == ["smtp"]

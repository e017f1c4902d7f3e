"""Taking people in, channels and tokens: what is secret stays so."""

from collections.abc import Callable
from typing import Any

from django.test import Client

from helpdesk import permissions
from helpdesk.access import access_of
from helpdesk.models import (
    ApiToken,
    Channel,
    RoleGrant,
    Route,
    Staff,
    User,
)
from tests.factories import World
from tests.helpdesk.admin.conftest import fill
from tests.helpdesk.admin.forms import inline, staff_form, trail

Browser = Callable[..., Client]


def test_somebody_new_is_taken_in_by_mail_address(
    world: World, browser: Browser, mailoutbox: list[Any], settings: Any
) -> None:
    settings.SHOW_INVITATION_LINKS = False
    client = browser(world.alice)
    roles = [{"id": "", "staff": "", "role": world.roles["agent"].pk, "department": world.sales.pk}]
    sent = staff_form(world, email="New.Person@Acme.example", **inline("role_grants", roles))
    assert client.post("/admin/helpdesk/staff/add/", sent).status_code == 302
    with world.transaction():
        staff = Staff.objects.get(user__email="new.person@acme.example")
        assert not staff.user.has_usable_password()
        assert access_of(staff).allowed(permissions.CONVERSATION_REPLY) == {world.sales.pk}
    (mail,) = mailoutbox
    link = next(line for line in mail.body.splitlines() if line.startswith("http"))
    visitor = Client()
    assert visitor.get(link).status_code == 200
    chosen = visitor.post(link, {"password": "a-fine-new-password"})
    assert chosen.status_code == 302
    assert Client().get(link).status_code == 404
    again = client.post("/admin/helpdesk/staff/add/", sent)
    assert again.context["adminform"].form.errors["email"]


def test_who_signs_in_elsewhere_is_linked_without_a_word_about_it(
    world: World, other_world: World, browser: Browser, mailoutbox: list[Any], settings: Any
) -> None:
    settings.SHOW_INVITATION_LINKS = False
    client = browser(world.alice)
    answers = []
    for email in ["nobody@nowhere.example", other_world.carol.user.email]:
        sent = staff_form(world, email=email)
        answers.append(client.post("/admin/helpdesk/staff/add/", sent, follow=True))
    before = other_world.carol.user.password
    assert [answer.status_code for answer in answers] == [200, 200]
    assert User.objects.get(pk=other_world.carol.user_id).password == before
    for answer in answers:
        assert b"An invitation goes to the mail address." in answer.content
        assert b"Carol" not in answer.content.replace(b"Carol</a>", b"")
    assert len(mailoutbox) == 2
    assert mailoutbox[0].subject == mailoutbox[1].subject
    assert "/welcome/" not in mailoutbox[1].body


def test_who_is_deactivated_holds_nothing_and_comes_back(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    world.online("carol")
    with world.transaction():
        grant = RoleGrant.objects.get(staff=world.carol)
    held = inline("role_grants", [{"id": grant.pk, "staff": world.carol.pk}], initial=1)
    sent = staff_form(world, name="Carol", **held)
    url = f"/admin/helpdesk/staff/{world.carol.pk}/change/"
    assert browser(world.carol).get("/").status_code == 200
    assert client.post(url, {k: v for k, v in sent.items() if k != "is_active"}).status_code == 302
    assert not world.access("carol").allowed(permissions.CONVERSATION_VIEW)
    assert browser(world.carol).get(f"/conversations/{1}/").status_code == 403
    assert client.post(url, sent).status_code == 302
    assert world.access("carol").allowed(permissions.CONVERSATION_VIEW)
    assert {"staff.deactivated", "staff.activated"} <= set(trail(world))


def test_a_channel_is_set_up_and_its_secret_never_shown(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    sent = {
        "name": "商城", "queue": "", "language": "en", "hold_seconds": 0, "is_active": "on",
        "setting_allowed_domains": "shop.example.com\nwww.example.com",
        "setting_identity": "required", "setting_keep_days": 90,
        "setting_secret": "hush-hush-hush-hush",
    }  # fmt: skip
    made = client.post("/admin/helpdesk/channel/add/?kind=webchat", sent)
    assert made.status_code == 302
    with world.transaction():
        channel = Channel.objects.get(name="商城")
        assert channel.kind == "webchat"
        assert channel.settings["allowed_domains"] == ["shop.example.com", "www.example.com"]
        assert channel.secret == "hush-hush-hush-hush"
        assert "secret" not in channel.settings
    assert Route.objects.filter(key=channel.public_id, target_id=channel.pk).exists()
    url = f"/admin/helpdesk/channel/{channel.pk}/change/"
    page = client.get(url).content.decode()
    assert "hush-hush" not in page
    assert f"data-channel=&quot;{channel.public_id}&quot;" in page
    assert client.post(url, {**sent, "setting_secret": ""}).status_code == 302
    assert client.post(url, {**sent, "setting_secret": "another-secret-now"}).status_code == 302
    with world.transaction():
        channel.refresh_from_db()
    assert (channel.secret, channel.previous_secret) == (
        "another-secret-now",
        "hush-hush-hush-hush",
    )
    assert (
        "hush-hush"
        not in client.get(f"/admin/helpdesk/channel/{channel.pk}/history/").content.decode()
    )
    tested = client.post(f"/admin/helpdesk/channel/{channel.pk}/test/", follow=True)
    assert [message.level_tag for message in tested.context["messages"]][-1] == "success"
    assert client.get(f"/admin/helpdesk/channel/{channel.pk}/test/").status_code == 404


def test_a_token_is_shown_once_and_revoked_for_ever(world: World, browser: Browser) -> None:
    client = browser(world.alice)
    sent = {
        "name": "crm", "staff": world.carol.pk, "scopes": ["staff:read"],
        "expires_at_0": "", "expires_at_1": "",
    }  # fmt: skip
    page = client.post("/admin/helpdesk/apitoken/add/", sent, follow=True).content.decode()
    token = page.split("not shown again: ")[1].split("<")[0].strip()
    with world.transaction():
        row = ApiToken.objects.get()
    asked = {"authorization": f"Bearer {token}"}
    assert Client(headers=asked).get("/api/v1/staff/").status_code == 200
    shown = client.get("/admin/helpdesk/apitoken/").content.decode()
    assert token not in shown
    assert row.token_hash not in shown
    url = f"/admin/helpdesk/apitoken/{row.pk}/"
    assert client.post(f"{url}change/", sent).status_code == 404
    assert client.post(f"{url}delete/", {"post": "yes"}).status_code == 302
    assert Client(headers=asked).get("/api/v1/staff/").status_code == 401


def test_passwords_and_hashes_stand_on_no_page(
    world: World, browser: Browser, platform_user: User
) -> None:
    fill(world)
    staff = [f"/admin/helpdesk/staff/{page}" for page in ("", f"{world.carol.pk}/change/")]
    users = [
        f"/platform/helpdesk/user/{page}"
        for page in ("", f"{world.carol.user_id}/change/", "sessions/")
    ]
    for client, urls in [(browser(world.alice), staff), (browser(platform_user), users)]:
        for url in urls:
            content = client.get(url).content.decode()
            assert "argon2" not in content, url
            assert client.session.session_key not in content, url

"""Who may show a form in a frame, in which language and colours, and the tag that puts it there."""

import pytest
from django.test import Client

from channels_app.contact.framing import ancestors
from channels_app.services.doors import find_door
from helpdesk.models import Channel
from tests.channels_app.form.forms_sent import Person, open_form


def policy(answer):
    parts = answer["Content-Security-Policy"].split(";")
    return {
        name: value.split() for name, _, value in (part.strip().partition(" ") for part in parts)
    }


def frame_ancestors(answer):
    return policy(answer)["frame-ancestors"]


def test_only_the_pages_that_a_channel_names_show_its_form(world, settings):
    settings.IS_LOOPBACK = False
    form = open_form(world, allowed_domains=["https://www.shop.example/contact", "*.desk.example"])
    expected = ["'self'", "www.shop.example:*", "*.desk.example:*"]
    person = Person(form)
    for answer in (person.opens(), person.posts(text=""), person.posts()):
        assert frame_ancestors(answer) == expected
        assert "X-Frame-Options" not in answer
        assert policy(answer)["script-src"] == policy(answer)["style-src"] == ["'self'"]
    closed = open_form(world, name="另一个")
    assert frame_ancestors(Person(closed).opens()) == ["'self'"]


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("shop.example", ["shop.example:*"]),
        ("HTTPS://Shop.Example:8443/path", ["shop.example:*"]),
        ("例子.example", ["xn--fsqu00a.example:*"]),
        ("*.example", []),
        ("*", []),
        ("shop.example; script-src *", []),
        ("'unsafe-inline'", []),
        ("shop.*.example", []),
        ("", []),
    ],
)
def test_a_line_is_one_host_or_nothing(world, settings, line, host):
    settings.IS_LOOPBACK = False
    form = open_form(world, allowed_domains=[line])
    assert ancestors(find_door(form.public_id)) == ["'self'", *host]


def test_no_other_page_is_shown_in_a_frame(world, client):
    form = open_form(world, allowed_domains=["www.shop.example"])
    for address in ("/forms/unknown/", "/forms/confirm/x", "/", f"/channels/{form.public_id}/"):
        answer = client.get(address)
        assert answer["X-Frame-Options"] == "DENY"
        assert frame_ancestors(answer) == ["'none'"]


def test_a_form_that_is_switched_off_or_no_form_is_not_there(world, client):
    form = open_form(world)
    addresses = [f"/forms/{each}/" for each in (world.channel.public_id, "unknown", "\x00" * 70)]
    with world.transaction():
        Channel.objects.filter(pk=form.pk).update(is_active=False)
    pages = {client.get(each).content for each in [*addresses, f"/forms/{form.public_id}/"]}
    assert len(pages) == 1
    assert client.get(addresses[0]).status_code == client.post(addresses[0]).status_code == 404


@pytest.mark.parametrize(
    ("query", "accepts", "lang"),
    [
        ("?language=en", "zh-CN", 'lang="en"'),
        ("?language=zh-hans", "en", 'lang="zh-CN"'),
        ("?language=xx", "en-GB,zh;q=0.5", 'lang="en"'),
        ("", "fr, zh-TW;q=0.5", 'lang="zh-CN"'),
        ("", "fr", 'lang="en"'),
    ],
)
def test_the_form_speaks_as_it_is_asked(world, query, accepts, lang):
    form = open_form(world, title_zh="联系我们", title_en="Contact us", topics=["退货 | Returns"])
    with world.transaction():
        Channel.objects.filter(pk=form.pk).update(language="en")
    page = Person(form, **{"accept-language": accepts}).opens(query).content.decode()
    assert lang in page
    assert ("Contact us" in page, "Returns" in page) == (
        (True, True) if "en" in lang else (False, False)
    )


def test_the_tag_is_one_script_for_every_site(client):
    answer = client.get("/form.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    again = Client().get("/form.js", headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_form_works_without_scripts(world):
    page = Person(open_form(world)).opens().content.decode()
    assert 'method="post"' in page
    assert page.count("<script") == 1
    assert "style=" not in page
    assert "onclick" not in page

"""A form on a foreign page: filled in by keyboard, thanked for, answered once its address is proved."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from math import ceil
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.deploy.stack import Stack
from tests.journeys.people import Colleague, Crowd

PHONE = {"width": 390, "height": 844}
# Browsers lead every name below localhost to this machine.
SITE, THIEF = "www.foreign-shop.localhost", "thief.localhost"
MAILBOX = "客服邮箱"
# What can be pressed or filled in and is under 40 px high.
SMALL = """card => [...card.querySelectorAll('button, a, input, select, textarea')]
  .filter(each => each.checkVisibility() && !each.closest('.trap') && each.getBoundingClientRect().height < 39.5)
  .map(each => `${each.name || each.textContent} ${each.getBoundingClientRect().height}`)"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def open_form(ling: Colleague, domain: str) -> str:
    """Have a form connected that a site may show; returns its tag."""
    page = ling.page
    page.goto("/admin/helpdesk/channel/add/?kind=form")
    page.locator("input[name=name]").fill(f"表单 {uuid4().hex[:6]}")
    page.locator("select[name=answers_by]").select_option(label=MAILBOX)
    page.locator("textarea[name=setting_allowed_domains]").fill(domain)
    page.locator("input[name=setting_title_zh]").fill("给我们留言")
    page.locator("input[name=setting_title_en]").fill("Write to us")
    page.locator("button[name=_continue], input[name=_continue]").first.click()
    return page.locator("#widget-tag").input_value().strip()


class _Shop(BaseHTTPRequestHandler):
    """A foreign page that carries the tag it is asked for."""

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        lang, tag = asked.get("lang", [""])[0], asked.get("tag", [""])[0]
        html = (
            f'<!doctype html><html lang="{lang}"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
            f"<title>Shop</title><body><h1>Shop</h1>{tag}</body></html>"
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(html.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a foreign web server on this machine."""
    with HTTPServer(("127.0.0.1", 0), _Shop) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def visit(page: Page, port: int, tag: str, lang: str, site: str = SITE) -> FrameLocator:
    """Open the foreign page that carries the tag; returns its form."""
    page.goto(f"http://{site}:{port}/contact?{urlencode({'lang': lang, 'tag': tag})}")
    return page.frame_locator("iframe")


def fills_in(page: Page, form: FrameLocator, *values: str) -> None:
    """Fill in the fields by keyboard only, one after the other, and send."""
    page.locator("h1").click()
    for value in values:
        page.keyboard.press("Tab")
        page.keyboard.insert_text(value)
    page.keyboard.press("Tab")  # the files
    page.keyboard.press("Tab")
    expect(form.locator("button.send")).to_be_focused()
    # The page may not be sent as fast as a machine would.
    page.wait_for_timeout(2_100)
    page.keyboard.press("Enter")


def proof_link(installation: Stack, address: str) -> str:
    """Return the link in the mail that an address was sent."""
    services = json.loads((installation.home / "services.json").read_text())
    with psycopg.connect(services["DATABASE_OWNER_URL"], autocommit=True) as connection:
        connection.execute("SELECT set_config('everydesk.organization_id', '1', false)")
        row = connection.execute(
            "SELECT payload->>'text' FROM channels_app_dispatch"
            " WHERE kind = 'proof' AND recipient = %s",
            [address],
        ).fetchone()
    assert row is not None
    found = re.search(r"/forms/confirm/\S+", row[0])
    assert found is not None
    return found.group()


@pytest.mark.parametrize(
    ("lang", "locale", "theme", "title", "thanks"),
    [
        ("zh-CN", "zh-CN", "light", "给我们留言", None),
        ("en", "en-GB", "dark", "Write to us", "Thank you, your message has arrived"),
    ],
)
def test_a_form_on_a_foreign_page_is_filled_in_by_keyboard(
    crowd: Crowd,
    ling: Colleague,
    port: int,
    *,
    lang: str,
    locale: str,
    theme: str,
    title: str,
    thanks: str | None,
) -> None:
    tag = open_form(ling, SITE)
    for viewport in ({"width": 1440, "height": 900}, PHONE):
        page = crowd.page(locale=locale, color_scheme=theme, viewport=viewport)
        form = visit(page, port, tag, lang)
        card = form.locator(".card")
        expect(form.get_by_role("heading", name=title)).to_be_visible()
        inner = card.bounding_box()
        assert inner
        # As high as what is in it.
        expect(page.locator("iframe")).to_have_css("height", f"{ceil(inner['height'])}px")
        assert card.evaluate(SMALL) == []
        assert card.evaluate(WIDER) == 0
        assert page.evaluate(WIDER) == 0
        words = f"Where is my parcel? {uuid4().hex[:6]}"
        name = uuid4().hex[:8]
        fills_in(page, form, "Ann", "nobody", "", words)
        wrong = form.locator("input[name=email]")
        expect(wrong).to_be_focused()
        expect(wrong).to_have_attribute("aria-invalid", "true")
        page.keyboard.press("Control+A")
        page.keyboard.insert_text(f"{name}@shop.example")
        page.keyboard.press("Enter")
        said = form.locator("#said")
        expect(said).to_be_visible()
        if thanks:
            expect(said).to_contain_text(thanks)
        ling.page.goto("/")
        ling.opens(words)


def test_an_answer_waits_until_its_address_is_proved(
    crowd: Crowd, ling: Colleague, port: int
) -> None:
    tag = open_form(ling, SITE)
    page = crowd.page()
    form = visit(page, port, tag, "en")
    words, address = f"Is it in stock? {uuid4().hex[:6]}", f"{uuid4().hex[:8]}@shop.example"
    fills_in(page, form, "Ann", address, "Stock", words)
    expect(form.locator("#said")).to_be_visible()
    ling.page.goto("/?view=all")
    ling.opens(words)
    expect(ling.context.locator("#customer")).to_contain_text(address)
    expect(ling.context.locator("#customer .t-warn")).to_be_visible()
    link = proof_link(crowd.installation, address)
    page.goto(link)
    page.get_by_role("button", name="Yes, it is mine").click()
    expect(page.get_by_role("heading", name="Your address is confirmed")).to_be_visible()
    expect(ling.timeline).to_contain_text("客户确认了邮箱")
    ling.page.reload()
    expect(ling.context.locator("#customer")).to_contain_text("邮箱已确认")
    assert page.request.get(link).status == 404


def test_no_other_site_shows_the_form(crowd: Crowd, ling: Colleague, port: int) -> None:
    tag = open_form(ling, SITE)
    crowd.is_rough = True
    page = crowd.page()
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        form = visit(page, port, tag, "en", THIEF)
    expect(form.locator(".card")).to_have_count(0)

"""Somebody who opens hostile letters on every screen that shows them, in a real browser, and what that must not do."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    expect,
    sync_playwright,
)

from deploy.browser import browser_path
from helpdesk.services.files import shown_name
from tests.deploy.stack import eventually
from tests.hostile_desk import Desk
from tests.hostile_letters import PIXEL, HostileLetter, again
from tests.journeys.conftest import BROWSER_ARGUMENTS
from tests.sinks import THEIRS

PATIENCE_MS = 20_000
MOST_ROWS = 200
PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
# Whom the browser asks of its own accord; no letter names them.
BROWSERS_OWN = ("*.google.com", "*.googleapis.com", "*.gstatic.com")
DIALOGS = ("customer", "transfer", "topic", "assign", "escalate", "snooze")
# What a browser says of a picture that the proxy refused, and of a fragment whose page was left meanwhile.
EXPECTED = re.compile(
    r"Failed to load resource: .* 404 .*/letters/\d+/(remote|inline)/|htmx:(afterRequest|sendAbort),"
)
HARMLESS_TAGS = frozenset(
    [
        *("a", "abbr", "address", "b", "big", "blockquote", "br", "caption", "center", "cite"),
        *("code", "col", "colgroup", "dd", "del", "dfn", "div", "dl", "dt", "em", "figcaption"),
        *("figure", "font", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd"),
        *("li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strike", "strong"),
        *("sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul"),
        "var",
    ]
)
HARMLESS_ATTRIBUTES = frozenset(
    [
        *("align", "alt", "bgcolor", "border", "bordercolor", "cellpadding", "cellspacing"),
        *("clear", "color", "colspan", "data-remote", "dir", "face", "frame", "height", "href"),
        *("hspace", "lang", "noshade", "nowrap", "rel", "rowspan", "rules", "size", "span"),
        *("src", "start", "style", "target", "type", "valign", "value", "vspace", "width"),
    ]
)
# What a letter's own document begins with: our three metas, base, title and style.
HEAD = ["meta", "base", "meta", "meta", "title", "style"]
HARMFUL_STYLE = re.compile(
    r"url|image-set|[@\\]|expression|position|z-index|opacity|content|--|behavior|binding|[{}]"
)
HARMLESS_LINKS = frozenset(["http:", "https:", "mailto:", "tel:"])
# A document that only shows a letter: everything it is made of.
LETTER = """() => {
  const all = [...document.body.querySelectorAll('*')]
  return {
    head: [...document.head.children].map(each => each.localName),
    shown: document.body.innerText.length, body: document.body.attributes.length,
    pwned: Boolean(window.__pwn), origin: self.origin,
    tags: [...new Set(all.map(each => each.localName))],
    attributes: [...new Set(all.flatMap(each => each.getAttributeNames()))],
    styles: all.map(each => each.getAttribute('style') || '').filter(Boolean),
    links: [...document.links].map(a => [a.protocol, a.target, a.rel]),
    pictures: [...document.images].map(each => [each.src, each.naturalWidth]),
    names: all.filter(each => each.id || each.name).length,
  }
}"""
# A page of ours: what there is in it that nobody of us has put there.
PAGE = """() => {
  const all = [...document.querySelectorAll('*')]
  const own = address => !address || new URL(address, location).origin == location.origin
  const ids = all.map(each => each.id).filter(Boolean)
  const asks = each => ['src', 'srcset', 'action', 'formaction', 'data', 'poster', 'hx-get', 'hx-post']
    .map(name => each.getAttribute(name)).filter(value => value && !value.startsWith('data:'))
  return {
    pwned: Boolean(window.__pwn),
    handlers: all.filter(each => each.getAttributeNames().some(name => /^(on|hx-on)/.test(name))).length,
    scripts: [...document.scripts].filter(each =>
      !(each.getAttribute('src') && own(each.src)) && each.type != 'application/json').length,
    foreign: all.flatMap(asks).filter(value => !own(value)),
    links: [...document.links].filter(a => !own(a.href) && !/^(mailto|tel):/.test(a.href)).map(a => a.href),
    twice: [...new Set(ids.filter((id, at) => ids.indexOf(id) != at))],
    frames: [...document.querySelectorAll('iframe, object, embed, frame')]
      .map(each => [each.localName, each.getAttribute('sandbox'), each.getAttribute('srcdoc')]),
    marked: [...document.querySelectorAll(
      '.conv-name > *, .conv-text > .ell > *, .bubble > p > :not(.mention), .letter-text > *, #context h2.ell > *'
    )].map(each => each.outerHTML.slice(0, 200)),
    polluted: Object.keys(Object.prototype),
  }
}"""
SANDBOX = {"allow-popups", "allow-popups-to-escape-sandbox"}
OPEN_FOLDS = "() => document.querySelectorAll('details').forEach(each => { each.open = true })"


class Reader:
    """One colleague's browser in one language, and everything in it that should not have happened."""

    def __init__(self, desk: Desk, context: BrowserContext) -> None:
        self.desk, self.context = desk, context
        self.misdeeds: list[str] = []
        self.seen = self.pictures = 0
        context.on("dialog", self._dialog)
        context.on("console", self._console)
        context.on("weberror", lambda error: self._note(f"error: {error.error}"))
        context.on("request", self._request)
        context.on("page", lambda page: self._note(f"a new page: {page.url}"))
        self.page = context.new_page()
        self.misdeeds.clear()

    # --- what happens of itself ------------------------------------------------------------------

    def watches_arrivals(self, letters: Sequence[HostileLetter]) -> None:
        """Have letters come in while the list is open, and the last of them into the thread that is open."""
        self.visit("/?view=all")
        expect(self.page.locator("body[data-live]")).to_be_attached()
        self.desk.receive(letters)
        rows = self.page.locator("#conversations a.conv")
        expect(rows).to_have_count(min(len(set(self.desk.conversations.values())), MOST_ROWS))
        self.look("list")
        first = next(each for each in letters if self.desk.letter(each.mark))
        self.visit(f"/conversations/{self.desk.conversations[first.mark]}/")
        expect(self.page.locator("body[data-live]")).to_be_attached()
        entries = self.page.locator("#timeline li.msg[data-direction='in']")
        count = entries.count()
        self.desk.receive([again(first)])
        expect(entries).to_have_count(count + 1)
        self.look("live")

    # --- what is done on purpose -----------------------------------------------------------------

    def clicks_a_link(self, letter: HostileLetter) -> None:
        """Follow a link of a letter: a page of its own opens, which knows nothing of ours."""
        if letter.mark not in self.desk.conversations:
            self.desk.receive([letter])
        self.page.goto(f"/conversations/{self.desk.conversations[letter.mark]}/")
        self.page.evaluate(OPEN_FOLDS)
        link = self.page.frame_locator("iframe.letter-frame").locator("a[href^='http']").first
        with self.context.expect_page() as opened:
            link.click()
        assert opened.value.evaluate("window.opener") is None
        assert b"\nReferer:" not in b"".join(self.desk.sink.leaked)
        assert self.page.url.startswith(self.desk.web.url)
        opened.value.close()

    def proves_the_sink(self) -> None:
        """See that a picture in a frame without rights is heard, whatever the driver says of it."""
        self.desk.sink.leaked.clear()
        page = self.context.new_page()
        page.set_content("<iframe sandbox srcdoc='<img src=http://proof.example/a.png>'></iframe>")
        page.frames[1].wait_for_load_state()
        eventually(lambda: any(b"proof.example" in said for said in self.desk.sink.leaked), 10)

    # --- screens -------------------------------------------------------------------------------

    def visit(self, path: str) -> None:
        """Open one of our pages, and see that nothing of theirs is in it."""
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, (path, answer.status)
        assert self.page.url == self.desk.web.url + path
        self.look(path)

    def look(self, where: str) -> None:
        """See that the page that is open is made of what we have put there."""
        found: dict[str, Any] = self.page.evaluate(PAGE)
        frames = found.pop("frames")
        nothing = {
            "pwned": False, "handlers": 0, "marked": [], "scripts": 0, "foreign": [], "links": [], "twice": [],
            "polluted": [],
        }  # fmt: skip
        if found != nothing:
            self._note(f"{where}: { {name: each for name, each in found.items() if each} }")
        for name, sandbox, srcdoc in frames:
            if name != "iframe" or srcdoc or set((sandbox or "x").split()) - SANDBOX:
                self._note(f"{where}: a frame {name} {sandbox}")
        if not self.page.url.startswith(self.desk.web.url):
            self._note(f"{where}: went to {self.page.url}")
        self.seen += 1

    def thread(self, mark: str) -> None:
        """Open a letter with everything that can be unfolded in it, as it was sent, and with pictures."""
        pk = self.desk.conversations[mark]
        row = self.page.locator(f"#conversation-{pk}")
        if row.count():
            row.click()
            thread = self.page.locator(f"#timeline[data-conversation='{pk}']")
            expect(thread).to_be_attached()
        else:
            self.visit(f"/conversations/{pk}/")
        self.page.evaluate(OPEN_FOLDS)
        for shown in self.page.locator("iframe.letter-frame").all():
            shown.scroll_into_view_if_needed()
            self._inspect(mark, shown, "/letters/")
            more = self.page.locator(f"a[target='{shown.get_attribute('name')}']")
            if more.count():
                more.click()
                self._inspect(mark, shown, "pictures=1")
        self.look(mark)

    def dialogs(self, mark: str) -> None:
        """Open what names the customer and what they wrote about, and come back to the list."""
        pk = self.desk.conversations[mark]
        for name in DIALOGS:
            answer = self.page.goto(f"/conversations/{pk}/{name}/")
            assert answer is not None
            assert answer.status < 500
            self.look(f"{mark} {name}")
        self.visit("/?view=all")

    def found(self, mark: str) -> None:
        """Search for a letter, and for what it says."""
        pk = self.desk.conversations[mark]
        self.visit(f"/?view=search&q=C-{pk}")
        expect(self.page.locator(f"#conversation-{pk}")).to_be_visible()
        letter = self.desk.letter(mark)
        for text in (letter.subject, letter.sender_name) if letter else ():
            self.page.goto(f"/?view=search&q={quote(text)}")
            self.look(f"{mark} searched")

    def files(self, mark: str) -> None:
        """Get every file of a letter, as bytes that are no page."""
        for file in self.desk.files(mark):
            answer = self.context.request.get(f"/files/{file.public_id}/")
            said = answer.headers
            how, kind = said["content-disposition"], said["content-type"]
            is_picture = kind in PICTURES
            fine = (
                answer.status == 200
                and said["x-content-type-options"] == "nosniff"
                and "sandbox" in said["content-security-policy"]
                and (how.startswith("attachment;") or is_picture)
                and file.name == shown_name(file.name)
                and re.fullmatch(r"(attachment|inline); filename\*=UTF-8''[\w%.~-]+", how)
            )
            if not fine:
                self._note(f"{mark}: a file as {kind}: {how}")

    # --- what happened -------------------------------------------------------------------------

    def _inspect(self, mark: str, shown: Locator, address: str) -> None:
        frame = shown.element_handle().content_frame()
        assert frame is not None
        frame.wait_for_url(re.compile(re.escape(address)))
        found = frame.evaluate(LETTER)
        own = self.desk.web.url
        wrong = {
            "ran": found["pwned"],
            "origin": found["origin"] != "null",
            "tags": set(found["tags"]) - HARMLESS_TAGS,
            "attributes": set(found["attributes"]) - HARMLESS_ATTRIBUTES,
            "head": found["head"] != HEAD,
            "body": found["body"],
            "styles": [each for each in found["styles"] if HARMFUL_STYLE.search(each)],
            "links": [
                each
                for each in found["links"]
                if each[0] not in HARMLESS_LINKS or each[1] != "_blank" or "noopener" not in each[2]
            ],
            "pictures": [
                address
                for address, _width in found["pictures"]
                if address and not address.startswith((f"{own}/letters/", "data:image/"))
            ],
            "names": found["names"],
        }
        wrong = {name: each for name, each in wrong.items() if each}
        if wrong:
            self._note(f"{mark} as sent: {wrong}")
        for address, _width in found["pictures"]:
            if address.startswith(own):
                self._picture(mark, address)
        self.seen += 1

    def _picture(self, mark: str, address: str) -> None:
        """See that it is a picture or nothing: browsers say little of what they keep from a page."""
        answer = httpx.get(address)
        kind = answer.headers["content-type"]
        self.pictures += answer.status_code == 200
        if answer.status_code != 404 and (kind not in PICTURES or answer.content != PIXEL):
            self._note(f"{mark}: no picture but {kind} at {address}")

    def _note(self, misdeed: str) -> None:
        self.misdeeds.append(misdeed)

    def _dialog(self, dialog: Any) -> None:  # Any: playwright's, which mypy need not know here
        self._note(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        told = f"{message.text} {message.location.get('url')}"
        if message.type == "error" and not EXPECTED.search(told):
            self._note(f"console: {told}")

    def _request(self, request: Any) -> None:
        if request.method != "GET" or not request.url.startswith(
            (self.desk.web.url, "data:image/")
        ):
            self._note(f"a request: {request.method} {request.url}")


@contextmanager
def readers(desk: Desk, *languages: str) -> Iterator[list[Reader]]:
    """Let somebody sit down at a browser for each language, for which every other host is the sink."""
    rules = [f"MAP {host} ~NOTFOUND" for host in BROWSERS_OWN]
    rules += [f"MAP * {THEIRS}:{desk.sink.port}", f"EXCLUDE {THEIRS}"]
    resolver = f"--host-resolver-rules={','.join(rules)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path(), args=[*BROWSER_ARGUMENTS, resolver]
        )
        try:
            yield [_sit_down(desk, browser, language) for language in languages]
        finally:
            browser.close()


def _sit_down(desk: Desk, browser: Browser, language: str) -> Reader:
    context = browser.new_context(
        base_url=desk.web.url, locale=language, viewport={"width": 1440, "height": 900}
    )
    context.set_default_timeout(PATIENCE_MS)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": desk.cookie, "url": desk.web.url}
    context.add_cookies([cookie])
    return Reader(desk, context)

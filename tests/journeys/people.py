"""People in front of screens: visitors of the shop and colleagues at their desks."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.deploy.stack import Stack
from tests.journeys.holding import HOLD_ANSWERS
from tests.journeys.rows import change_rows

PATIENCE_MS = 25_000
expect.set_options(timeout=PATIENCE_MS)
# What a browser says about an answer that the journey asked for.
EXPECTED = re.compile(r"Failed to load resource: .* (401|403|404|422|429|503)")

# Cookies of those who signed in once: signing in again costs seconds on purpose.
SIGNED_IN: dict[str, Any] = {}


class Crowd:
    """Everybody in one journey."""

    def __init__(self, browser: Browser, ready: dict[str, Any], installation: Stack) -> None:
        self.browser = browser
        self.installation = installation
        self.url = str(ready["url"])
        self.accounts: dict[str, str] = {
            account["login"]: account["password"] for account in ready["accounts"]
        }
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        # Set while a journey breaks something on purpose.
        self.is_rough = False

    def page(self, **options: Any) -> Page:
        """Open a browser profile of its own."""
        options.setdefault("locale", "en-GB")
        options.setdefault("viewport", {"width": 1440, "height": 900})
        context = self.browser.new_context(base_url=self.url, **options)
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        page = context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        return page

    def colleague(self, name: str, **options: Any) -> "Colleague":
        """Let a colleague of the demo sign in."""
        login = next(login for login in self.accounts if login.startswith(f"{name}@"))
        known = SIGNED_IN.get(self.url + login)
        if known:
            options.setdefault("storage_state", known)
        colleague = Colleague(self, self.page(**options), login)
        if known:
            colleague.comes_in()
        else:
            colleague.signs_in()
            SIGNED_IN[self.url + login] = colleague.page.context.storage_state()
        return colleague

    def visitor(self, **options: Any) -> "Visitor":
        """Let somebody open the shop."""
        options.setdefault("locale", "zh-CN")
        return Visitor(self, self.page(**options))

    def let_time_pass(self, conversation_id: int) -> None:
        """Let the time of the conversation's escalation level be over now."""
        change_rows(
            self.installation,
            "UPDATE helpdesk_escalation SET due_at = now()"
            " WHERE conversation_id = %s AND due_at IS NOT NULL",
            [conversation_id],
        )

    def leave(self) -> None:
        for context in self.contexts:
            context.close()

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not (EXPECTED.search(message.text) or self.is_rough):
            self.complaints.append(f"{message.text} at {message.location.get('url')}")


class Visitor:
    """A customer on the shop's page."""

    def __init__(self, crowd: Crowd, page: Page) -> None:
        self.crowd, self.page = crowd, page
        page.goto("/shop/")

    @property
    def chat(self) -> Locator:
        return self.page.locator("#everydesk section[role=dialog]")

    @property
    def box(self) -> Locator:
        return self.chat.locator("textarea")

    def opens_chat(self) -> None:
        if not self.chat.is_visible():
            self.page.locator("#everydesk button.launch").click()
        expect(self.box).to_be_focused()

    def says(self, text: str) -> None:
        """Write and see that it is stored."""
        self.writes(text)
        expect(self.message(text).locator(".meta")).to_contain_text(
            re.compile("Sent|Delivered|Seen|Read|已")
        )

    def writes(self, text: str) -> None:
        if not self.chat.is_visible():
            self.opens_chat()
        self.box.fill(text)
        self.box.press("Enter")

    def message(self, text: str) -> Locator:
        return self.chat.locator("li.msg").filter(has_text=text)

    def sees_typing(self) -> None:
        expect(self.chat.locator("li.msg .dots")).to_be_visible()

    def rates(self, stars: int) -> None:
        """Give stars at the end of the conversation, and send them."""
        self.chat.locator(".csat [role=radio]").nth(stars - 1).click()
        self.chat.locator(".csat button.main").click()
        expect(self.chat.locator(".csat")).to_be_hidden()


class Colleague:
    """Somebody of the company at their desk."""

    def __init__(self, crowd: Crowd, page: Page, login: str) -> None:
        self.crowd, self.page, self.login = crowd, page, login

    # --- coming in -----------------------------------------------------------------------------

    def comes_in(self) -> None:
        # The session may remember the list of a journey before.
        self.page.goto("/?view=mine")
        self.is_live()

    def signs_in(self) -> None:
        self.tries_to_sign_in(self.crowd.accounts[self.login])
        self.is_live()

    def tries_to_sign_in(self, password: str) -> None:
        self.page.goto("/")
        self.page.locator("#username").fill(self.login)
        self.page.locator("#password").fill(password)
        self.page.locator("#password").press("Enter")

    def is_live(self) -> None:
        """See that the line to the server stands."""
        expect(self.page.locator("body[data-live]")).to_be_attached()

    def goes_online(self) -> None:
        button = self.page.locator("#presence button[value=online]")
        button.click()
        expect(self.page.locator("#presence button[value=online]")).to_have_attribute(
            "aria-checked", "true"
        )

    def goes_away(self) -> None:
        self.page.locator("#presence button[value=away]").click()
        expect(self.page.locator("#presence button[value=away]")).to_have_attribute(
            "aria-checked", "true"
        )

    @property
    def staff_id(self) -> str:
        return self.page.locator("body").get_attribute("data-staff") or ""

    @property
    def mine(self) -> Locator:
        return self.page.locator(f"a.conv[data-owner='{self.staff_id}']")

    # --- the list ------------------------------------------------------------------------------

    def row(self, text: str) -> Locator:
        """The conversation in the list whose last words these are."""
        return self.page.locator("#conversations a.conv").filter(has_text=text)

    def enters_phone(self, address: str) -> None:
        """Say where their phone is to ring, and be there."""
        self.page.goto("/profile/")
        self.page.locator("[name=call_address]").fill(address)
        self.page.locator("form.stack button.btn-main").click()
        expect(self.page.locator("[name=call_address]")).to_have_value(address)
        self.comes_in()
        self.goes_online()

    @property
    def dock(self) -> Locator:
        """The calls that are going on, on every page."""
        return self.page.locator("#call-dock .calling")

    def opens(self, text: str) -> None:
        self.row(text).first.click()
        expect(self.page.locator("#timeline")).to_contain_text(text)

    def conversation_id(self) -> int:
        return int(self.page.locator("#timeline").get_attribute("data-conversation") or 0)

    # --- the thread ----------------------------------------------------------------------------

    @property
    def timeline(self) -> Locator:
        return self.page.locator("#timeline")

    @property
    def context(self) -> Locator:
        return self.page.locator("#context")

    @property
    def box(self) -> Locator:
        return self.page.locator("#composer textarea")

    def message(self, text: str) -> Locator:
        return self.timeline.locator("li.msg[data-number]").filter(has_text=text)

    def replies(self, text: str) -> None:
        self.page.locator("#composer [data-mode=reply]").click()
        self.box.fill(text)
        self.box.press("Control+Enter")
        expect(self.message(text)).to_be_visible()

    def notes(self, text: str) -> None:
        self.page.locator("#composer [data-mode=note]").click()
        self.box.fill(text)
        self.box.press("Control+Enter")
        expect(self.message(text)).to_be_visible()

    def resolves(self) -> None:
        self.page.locator("#thread-actions form[action$='/resolve/'] button").click()
        expect(self.page.locator("#thread-actions form[action$='/reopen/']")).to_be_visible()

    def hands_over(self, to: str, note: str = "") -> None:
        """Hand the open conversation over with one key, a choice and a click."""
        self.sends_handover(to, note)
        expect(self.page.locator("#dialog")).to_be_hidden()

    def sends_handover(self, to: str, note: str = "") -> None:
        dialog = self.page.locator("#dialog")
        self.presses("t")
        dialog.locator("#transfer-filter").fill(to)
        dialog.locator(".choices label").filter(has_text=to).first.click()
        dialog.locator("textarea[name=note]").fill(note)
        dialog.locator("button.btn-main").click()

    def calls_in(self, name: str, question: str) -> None:
        """Write a note that calls a colleague in by @."""
        self.page.locator("#composer [data-mode=note]").click()
        self.box.press_sequentially(f"@{name}")
        self.page.locator("#picker button.opt").filter(has_text=name).first.click()
        self.box.press("End")
        self.box.press_sequentially(f" {question}")
        self.box.press("Control+Enter")
        expect(self.message(question)).to_be_visible()

    def escalates(self, path: str, reason: str) -> None:
        self.page.locator("#context a[href$='/escalate/']").click()
        dialog = self.page.locator("#dialog")
        dialog.locator(".choices label").filter(has_text=path).click()
        dialog.locator("textarea[name=reason]").fill(reason)
        dialog.locator("button.btn-main").click()
        expect(dialog).to_be_hidden()

    def presses(self, key: str) -> None:
        """Press a key outside of fields."""
        self.page.evaluate("document.activeElement.blur()")
        self.page.keyboard.press(key)

    # --- letters -------------------------------------------------------------------------------

    def writes_letter(
        self, text: str, *, cc: str = "", subject: str = "", picture: bytes = b""
    ) -> None:
        """Answer by mail, and see that it has left."""
        self.page.locator("#composer [data-mode=reply]").click()
        form = self.page.locator("#composer details.letter-form")
        if cc or subject:
            form.locator("summary").first.click()
            form.locator("[name=letter_cc]").fill(cc)
        if subject:
            form.locator("[name=letter_subject]").fill(subject)
        if picture:
            file = {"name": "答复.png", "mimeType": "image/png", "buffer": picture}
            self.page.locator("#composer input[type=file]").set_input_files([file])  # type: ignore[list-item]  # a payload
        self.replies(text)

    def signs_letters(self, signature: str) -> None:
        self.page.goto("/profile/")
        self.page.locator("[name=signature]").fill(signature)
        self.page.locator("form.stack button.btn-main").click()
        self.comes_in()

    def chooses_language(self, language: str) -> None:
        self.page.goto("/profile/")
        self.page.locator(f"input[name=language][value={language}]").check(force=True)
        self.page.locator("form.stack button.btn-main").click()
        expect(self.page.locator("html")).to_have_attribute("lang", re.compile(f"^{language[:2]}"))

    def wants_copies(self, when: str) -> None:
        """Have what customers write come by mail too: never, away or always."""
        self.page.goto("/profile/")
        self.page.locator(f"[name=mail_copies][value={when}]").check(force=True)
        self.page.locator("form.stack button.btn-main").click()
        expect(self.page.locator(f"[name=mail_copies][value={when}]")).to_be_checked()

    def sends_again(self, text: str) -> None:
        self.message(text).locator("form[action$='/resend/'] button").click()
        self.sees_sent(text)

    def sees_sent(self, text: str) -> None:
        expect(self.message(text).locator(".msg-meta")).to_contain_text(re.compile("Sent|已发出"))

    # --- in admin ------------------------------------------------------------------------------

    def connects(self, kind: str, **settings: object) -> str:
        """Connect a channel by its guided form and test it; returns the address for a vendor that calls."""
        page = self.page
        page.goto(f"/admin/helpdesk/channel/add/?kind={kind}")
        page.locator("input[name=name]").fill(f"{kind} {uuid4().hex[:6]}")
        for name, value in settings.items():
            page.locator(f"input[name=setting_{name}]").fill(str(value))
        page.locator("button[name=_continue], input[name=_continue]").first.click()
        page.locator("form[action$='/test/'] button").wait_for()
        shown = page.locator("#webhook-url")
        address = shown.input_value().strip() if shown.count() else ""
        page.locator("form[action$='/test/'] button").click()
        expect(page.get_by_text("已就绪").first).to_be_visible()
        return address

    def connects_mailbox(
        self, settings: dict[str, str], *, mailbox: str = "", is_active: bool = True
    ) -> None:
        """Fill in the guided form of a mailbox, a new one or one that is there, and save it."""
        page = self.page
        page.goto("/admin/helpdesk/channel/")
        if mailbox:
            page.locator("#result_list th a").filter(has_text=mailbox).click()
        else:
            page.locator("a[href$='/channel/add/']").first.click()
            page.locator("a.ed-kind[href='?kind=mail']").click()
        form = page.locator("#channel_form")
        for name, value in settings.items():
            field = form.locator(f"[name={name}]")
            if field.evaluate("field => field.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        form.locator("[name=is_active]").set_checked(is_active, force=True)
        page.locator("button[name=_continue]").click()
        expect(page.locator("form[action$='/test/']")).to_be_visible()

    @property
    def praise(self) -> Locator:
        """What admin says when something went well."""
        return self.page.locator("div.bg-green-100")

    @property
    def blame(self) -> Locator:
        """What admin says when something did not."""
        return self.page.locator("div.errornote")

    # --- elsewhere -----------------------------------------------------------------------------

    @contextmanager
    def answers_held_back(self) -> Iterator[None]:
        """Let the server work on what is posted, and its answers arrive at the end."""
        self.page.evaluate(HOLD_ANSWERS)
        yield
        self.page.evaluate("window.releaseAnswers()")

    def status_of(self, path: str, *, fragment: bool = False) -> int:
        """Ask for an address as this person's browser would."""
        headers = {"HX-Request": "true"} if fragment else {}
        return self.page.request.get(path, max_redirects=0, headers=headers).status

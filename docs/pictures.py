"""Takes the pictures in docs/pictures/ from a running installation.

Start one with `make run`, then: .venv/bin/python docs/pictures.py [--home var] [--only workspace]
"""

import argparse
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

DOCS = Path(__file__).resolve().parent
WIDTHS = {"1440": (1440, 900), "1024": (1024, 768), "390": (390, 844)}
# Language and theme of each round, and what it adds to the name of a picture.
ROUNDS = [
    ("zh-CN", "light", ""),
    ("en", "light", "-en"),
    ("zh-CN", "dark", "-dark"),
    ("en", "dark", "-en-dark"),
]
COLLEAGUES = ["Sales", "supervisor", "Support", "R&D", "Admin"]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@dataclass(frozen=True)
class Screen:
    """One picture: where to go, as whom, and what to press there."""

    name: str
    path: str
    role: str = "Sales"
    press: tuple[str, ...] = ()
    widths: tuple[str, ...] = ("1440", "390")
    opens_conversation: bool = False
    # Whose conversation; the first in the list without a name.
    customer: str = ""
    opens_first: bool = False
    # What must be there before the picture is taken.
    waits_for: str = ""
    full_page: bool = False


SCREENS = [
    Screen("sign-in", "/sign-in/", role=""),
    Screen("workspace", "/", opens_conversation=True, widths=("1440", "1024", "390")),
    Screen("list", "/", widths=("390",)),
    Screen(
        "context", "/", opens_conversation=True, press=("[data-go-pane=context]",), widths=("390",)
    ),
    Screen("transfer", "/", opens_conversation=True, press=("[data-key=t]",), widths=("1440",)),
    Screen(
        "snippets",
        "/",
        opens_conversation=True,
        press=("[data-picker=snippets]",),
        widths=("1440",),
    ),
    Screen(
        "customer",
        "/?view=departments",
        role="supervisor",
        opens_conversation=True,
        press=("#context a[href$='/customer/']",),
        widths=("1440",),
    ),
    Screen(
        "letter",
        "/?view=all",
        role="administrator",
        opens_conversation=True,
        customer="Olivia Hart",
    ),
    Screen("form", "/shop/", role="", full_page=True),
    Screen(
        "experiment-form",
        "/routing/lab/experiments/open/",
        role="administrator",
        full_page=True,
    ),
    Screen("board", "/board/", role="supervisor", full_page=True),
    Screen("routing-lab", "/routing/lab/", role="administrator", full_page=True),
    Screen(
        "routing-replay",
        "/routing/lab/",
        role="administrator",
        press=("button[formaction$='/trials/']",),
        waits_for="#recorded",
        full_page=True,
    ),
    Screen(
        "routing-decisions",
        "/routing/lab/decisions/?outcome=assigned",
        role="administrator",
        full_page=True,
    ),
    Screen("first-run", "/start/", role="administrator", full_page=True),
    Screen("profile", "/profile/", full_page=True),
    Screen("password", "/password/"),
    Screen("shortcuts", "/", press=("[data-key='?']",), widths=("1440",)),
    Screen("not-found", "/conversations/999999999/", widths=("1440",)),
    Screen("shop", "/shop/", role="", press=("button.launch",)),
    Screen("admin", "/admin/", role="administrator"),
    Screen(
        "admin-path",
        "/admin/helpdesk/escalationpath/",
        role="administrator",
        opens_first=True,
        widths=("1440",),
    ),
    Screen(
        "admin-mailbox",
        "/admin/helpdesk/channel/",
        role="administrator",
        press=("#result_list a:text-matches('客服邮箱|Support mailbox')",),
        full_page=True,
    ),
    Screen("admin-reports", "/admin/channels_app/inboundevent/", role="administrator"),
    Screen("admin-rights", "/admin/helpdesk/staff/", role="administrator", widths=("1440",)),
    Screen("api", "/api/docs/", role="", widths=("1440",)),
]


# What is said in the pictures of a chat and of an offer, by language.
SAID = {
    "zh-CN": {
        "question": "怎么退货？耳机左边没有声音。",
        "answer": "您好，七天内可以免费退换，我马上为您登记。",
        "invoice": "发票抬头写错了，可以重开增值税发票吗？",
    },
    "en": {
        "question": "How do I return an item? The left earbud is silent.",
        "answer": "Hello! You can return it free of charge within seven days; I am setting it up now.",
        "invoice": "The name on my invoice is wrong. Can you issue it again?",
    },
}


@dataclass
class Photographer:
    """Takes screens of one installation, signing each person in once."""

    browser: Browser
    ready: dict[str, Any]
    folder: Path
    sessions: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.ready["url"]).rstrip("/")

    def take(self, screen: Screen, language: str, theme: str, suffix: str) -> None:
        """Take one screen in each of its widths."""
        for width in screen.widths:
            context = self.context(language, theme, width, self.session(screen.role, language))
            page = context.new_page()
            page.goto(self.url + screen.path)
            self.prepare(page, screen)
            target = self.folder / f"{screen.name}{suffix}-{width}.png"
            page.screenshot(path=target, full_page=screen.full_page)
            shrink(target)
            context.close()

    def prepare(self, page: Page, screen: Screen) -> None:
        rows = page.locator("#conversations .conv")
        if screen.customer:
            rows = rows.filter(has_text=screen.customer)
        if screen.opens_conversation and rows.count():
            rows.first.click()
            page.wait_for_selector("#timeline", timeout=10_000)
        if screen.opens_first:
            page.locator("#result_list a[href$='/change/']").locator("visible=true").first.click()
            page.wait_for_load_state()
        for selector in screen.press:
            page.locator(selector).locator("visible=true").first.click()
            page.wait_for_timeout(500)
        if screen.waits_for:
            page.wait_for_selector(screen.waits_for, timeout=90_000)
        page.wait_for_timeout(700)

    def context(self, language: str, theme: str, width: str, session: Any = None) -> BrowserContext:
        wide, high = WIDTHS[width]
        return self.browser.new_context(
            viewport={"width": wide, "height": high},
            locale=language,
            color_scheme="dark" if theme == "dark" else "light",
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
            storage_state=session,
        )

    def session(self, role: str, language: str) -> Any:
        """Return the cookies of somebody with this role who reads this language."""
        if not role:
            return None
        if (role, language) not in self.sessions:
            context = self.context(language, "light", "1440", self.sessions.get((role, "any")))
            page = context.new_page()
            if (role, "any") not in self.sessions:
                self.sign_in(page, role)
            self.sessions[role, "any"] = context.storage_state()
            context.close()
        # The language is the person's: set before each round, the last one wins.
        context = self.context(language, "light", "1440", self.sessions[role, "any"])
        page = context.new_page()
        page.goto(f"{self.url}/profile/")
        code = "en" if language == "en" else "zh-hans"
        page.locator(f"input[name=language][value={code}]").check(force=True)
        page.locator("main form .btn-main").click()
        page.wait_for_load_state()
        context.close()
        return self.sessions[role, "any"]

    def take_chat(self, language: str, theme: str, suffix: str) -> None:
        """Take the widget while somebody answers, and when the customer is asked to rate."""
        said = SAID[language]
        for width in ("1440", "390"):
            shop = self.context(language, theme, width)
            visitor = self.ask(shop, said["question"])
            desk = self.context(language, theme, "1440", self.session("Support", language))
            colleague = desk.new_page()
            # Whoever of the department was given it.
            colleague.goto(f"{self.url}/?view=departments")
            colleague.locator("#presence button[value=online]").click()
            colleague.locator("#conversations .conv").filter(
                has_text=said["question"]
            ).first.click()
            colleague.locator("#composer textarea").fill(said["answer"])
            colleague.locator("#composer textarea").press("Control+Enter")
            visitor.locator("#everydesk li.msg").filter(has_text=said["answer"]).wait_for()
            self.shoot(visitor, f"chat{suffix}-{width}")
            colleague.locator("#thread-actions form[action$='/resolve/'] button").click()
            visitor.locator("#everydesk .csat [role=radio]").nth(4).click()
            self.shoot(visitor, f"rating{suffix}-{width}")
            desk.close()
            shop.close()

    def take_offer(self, language: str, theme: str, suffix: str) -> None:
        """Take the screen of somebody to whom work is offered."""
        for width in ("1440", "390"):
            desk = self.context(language, theme, width, self.session("Admin", language))
            colleague = desk.new_page()
            colleague.goto(f"{self.url}/")
            shop = self.context(language, theme, "1440")
            self.ask(shop, SAID[language]["invoice"])
            offer = colleague.locator("#offer[data-offer]")
            offer.wait_for()
            self.shoot(colleague, f"offer{suffix}-{width}")
            offer.locator("[data-key=a]").click()
            colleague.locator("#thread-actions form[action$='/resolve/'] button").click()
            colleague.locator("#thread-actions form[action$='/reopen/']").wait_for()
            desk.close()
            shop.close()

    def ask(self, shop: BrowserContext, text: str) -> Page:
        """Write to the shop as a new visitor; return the page when it is stored."""
        page = shop.new_page()
        page.goto(f"{self.url}/shop/")
        page.locator("#everydesk button.launch").click()
        page.locator("#everydesk textarea").fill(text)
        page.locator("#everydesk textarea").press("Enter")
        page.locator("#everydesk li.msg").filter(has_text=text).wait_for()
        return page

    def shoot(self, page: Page, name: str) -> None:
        page.wait_for_timeout(700)
        page.screenshot(path=self.folder / f"{name}.png")
        shrink(self.folder / f"{name}.png")

    def offer_first(self) -> None:
        """Have the department for invoices offered its work before it is given."""
        page = self.context("en", "light", "1440", self.session("administrator", "en")).new_page()
        page.goto(f"{self.url}/admin/routing/policy/")
        if page.locator("#result_list").get_by_text("Admin").count():
            return
        page.goto(f"{self.url}/admin/routing/policy/add/")
        page.locator("[name=department]").select_option(label="Admin")
        page.locator("[name=mode]").select_option("offer")
        page.locator("[name=offer_seconds]").fill("120")
        page.locator("[name=_save]").click()
        page.wait_for_url("**/routing/policy/")

    def fill_the_office(self) -> None:
        """Leave the screens of some colleagues open, so that the board shows people who are there."""
        for role in COLLEAGUES:
            page = self.context("zh-CN", "light", "1440").new_page()
            self.sign_in(page, role)
            page.goto(f"{self.url}/profile/")

    def sign_in(self, page: Page, role: str) -> None:
        account = next(one for one in self.ready["accounts"] if role in one["role"])
        page.goto(f"{self.url}/sign-in/")
        page.fill("#username", account["login"])
        page.fill("#password", account["password"])
        page.click("main form .btn-main")
        page.wait_for_selector("#main")


def shrink(picture: Path) -> None:
    """Keep 256 colours: a third of the size, and no difference to see on flat screens."""
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(256)
    small.save(picture, optimize=True)


def main() -> None:
    """Take every picture, or those whose name contains `--only`."""
    parser = argparse.ArgumentParser(description="Take the pictures of the documentation.")
    parser.add_argument("--home", default="var")
    parser.add_argument("--only", default="")
    parser.add_argument("--to", default=str(DOCS / "pictures"))
    options = parser.parse_args()
    ready = json.loads((Path(options.home) / "ready.json").read_text())
    folder = Path(options.to)
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        system = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(
            executable_path=system if Path(system).exists() else None, args=ARGUMENTS
        )
        photographer = Photographer(browser, ready, folder)
        photographer.fill_the_office()
        for language, theme, suffix in ROUNDS:
            for screen in SCREENS:
                if options.only in screen.name:
                    photographer.take(screen, language, theme, suffix)
            if options.only in "chat rating":
                photographer.take_chat(language, theme, suffix)
            if options.only in "offer":
                photographer.offer_first()
                photographer.take_offer(language, theme, suffix)
        browser.close()


if __name__ == "__main__":
    main()

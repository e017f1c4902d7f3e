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
ROUNDS = [("zh-CN", "light", ""), ("en", "light", "-en"), ("zh-CN", "dark", "-dark")]
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
    opens_first: bool = False
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
    Screen("board", "/board/", role="supervisor", full_page=True),
    Screen("first-run", "/start/", role="administrator", full_page=True),
    Screen("profile", "/profile/", full_page=True),
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
    Screen("admin-rights", "/admin/helpdesk/staff/", role="administrator", widths=("1440",)),
    Screen("api", "/api/docs/", role="", widths=("1440",)),
]


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
        if screen.opens_conversation and rows.count():
            rows.first.click()
            page.wait_for_selector("#timeline", timeout=10_000)
        if screen.opens_first:
            page.locator("#result_list a[href$='/change/']").locator("visible=true").first.click()
            page.wait_for_load_state()
        for selector in screen.press:
            page.locator(selector).locator("visible=true").first.click()
            page.wait_for_timeout(500)
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
        browser.close()


if __name__ == "__main__":
    main()

"""Finds the browser that journeys are driven in, and brings it where that is allowed."""

import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ("chromium", "fonts-noto-cjk")


def browser_path() -> str | None:
    """Return the path of an installed browser; EVERYDESK_BROWSER names another one."""
    named = os.environ.get("EVERYDESK_BROWSER")
    if named:
        return named
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def has_chinese_font() -> bool:
    """Return whether Chinese text shows as more than boxes."""
    if shutil.which("fc-list") is None:
        return False
    listed = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, check=False)
    return bool(listed.stdout.strip())


def bring_browser() -> str | None:
    """Return the browser's path, installing it first where we are root and there is apt."""
    if browser_path() and has_chinese_font():
        return browser_path()
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing a browser and a Chinese font with apt ...", flush=True)
        if not _apt("install", *PACKAGES):
            _apt("update")
            _apt("install", *PACKAGES)
    return browser_path()


def _apt(*arguments: str) -> bool:
    command = ["apt-get", "-qq", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        [*command, *arguments], env=environment, stdout=subprocess.DEVNULL, check=False
    )
    return done.returncode == 0

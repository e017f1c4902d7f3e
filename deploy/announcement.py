"""Tells people and programs that the installation is ready, and where."""

import json
import os
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from deploy.credentials import write_private


def answers(port: int, host_header: str) -> bool:
    """Return whether the web serves: its health check says 200."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/healthz", headers={"Host": host_header})
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def host_of(public_url: str) -> str:
    """Return the name that the settings accept in any case."""
    return urlsplit(public_url).netloc


def ready_facts(home: Path, *, public_url: str, web_urls: list[str]) -> dict[str, object]:
    """Return the content of `ready.json`."""
    accounts = home / "demo_accounts.json"
    return {
        "url": f"{public_url}/",
        "shop_url": f"{public_url}/shop/",
        "admin_url": f"{public_url}/admin/",
        "platform_url": f"{public_url}/platform/",
        "web_urls": web_urls,
        "process": os.getpid(),
        "accounts": _accounts(json.loads(accounts.read_text())) if accounts.exists() else [],
    }


def write_ready(home: Path, facts: dict[str, object]) -> None:
    write_private(home / "ready.json", json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def text_for_people(facts: dict[str, object]) -> str:
    """Return the addresses and demo accounts as lines for a terminal."""
    lines = [
        "",
        "  Everydesk is ready.",
        "",
        f"  Staff        {facts['url']}",
        f"  Demo shop    {facts['shop_url']}",
        f"  Admin        {facts['admin_url']}",
        f"  Platform     {facts['platform_url']}",
    ]
    accounts = facts["accounts"]
    if isinstance(accounts, list) and accounts:
        lines += ["", "  Demo accounts (this machine only):", ""]
        width = max(len(account["login"]) for account in accounts)
        for account in accounts:
            login, password = account["login"].ljust(width), account["password"]
            what = ", ".join(filter(None, (account["role"], account["organization"])))
            lines.append(f"  {login}  {password}  {what}")
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])


def _accounts(content: object) -> list[dict[str, str]]:
    accounts = content["accounts"] if isinstance(content, dict) else content
    return list(accounts) if isinstance(accounts, list) else []

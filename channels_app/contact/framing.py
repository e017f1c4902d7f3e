"""Who may show the form in a frame, and the script that puts it there."""

import hashlib
import re
from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from channels_app.contact.captchas import captchas
from channels_app.services.doors import Door, lines

SCRIPT = Path(__file__).parent / "embed.js"
_HOST = re.compile(r"(\*\.)?[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*")
_LOOPBACK = ("http://127.0.0.1:*", "http://localhost:*")


def allow(response: HttpResponse, door: Door) -> HttpResponse:
    """Let the pages that the channel names show this one, and no others."""
    policy: dict[str, list[str]] = {"frame-ancestors": ancestors(door)}
    for _name, captcha in captchas.items():
        for directive, sources in captcha.sources.items():
            policy.setdefault(directive, ["'self'"]).extend(sources)
    response._csp_replace = policy  # type: ignore[attr-defined]  # where its middleware looks
    response.xframe_options_exempt = True  # it knows no list of pages
    return response


def ancestors(door: Door) -> list[str]:
    """Return the sources of the content policy that a channel's domains are."""
    hosts = [_host(line) for line in lines(door.settings.get("allowed_domains"))]
    found = [f"{host}:*" for host in hosts if host]
    return ["'self'", *(_LOOPBACK if settings.IS_LOOPBACK else ()), *found]


def _host(line: str) -> str:
    """Return the host of a line, whatever stands around it; nothing for what is none."""
    host = line.rpartition("//")[2].partition("/")[0].partition(":")[0].rstrip(".").lower()
    star, host = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    try:
        host = star + host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
    # A star stands for what is below a domain, never for a whole ending.
    if not _HOST.fullmatch(host) or (star and "." not in host[2:]):
        return ""
    return host


@cache
def embed_script() -> tuple[bytes, str]:
    """Return the script for other sites' pages, and its hash."""
    body = SCRIPT.read_bytes()
    return body, hashlib.sha256(body).hexdigest()[:16]


@require_GET
def script(request: HttpRequest) -> HttpResponse:
    """Serve the script that puts the form into a page."""
    body, version = embed_script()
    tag = f'"{version}"'
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=304)
    else:
        response = HttpResponse(body, content_type="text/javascript; charset=utf-8")
    response["ETag"] = tag
    response["Cache-Control"] = "public, max-age=3600, stale-while-revalidate=86400"
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response

"""What the receiving server says of a mail's sender: Authentication-Results (RFC 8601), read strictly.

Only the topmost field with the configured name counts: a server adds its own on top, and whatever
lies below may have come with the mail.
"""

import re
from dataclasses import dataclass, field

from channels_app.mails.letter import Mail
from channels_app.mails.reading.addresses import ascii_domain
from channels_app.mails.reading.fields import LONGEST_AUTHENTICATION

# The end of a value is white space or the end: a local part may hold "=" and much else.
_PAIR = re.compile(r'\s*([^\s="]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s"]+)(?=\s|$)', re.DOTALL)
_NAME = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^\s="]+)(?:\s+[0-9]+)?\s*', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_FAILED_SPF = {"fail", "softfail", "hardfail"}


@dataclass(slots=True)
class _Result:
    """One method's result with its properties."""

    method: str
    result: str
    properties: dict[str, str] = field(default_factory=dict)


class _Malformed(ValueError):
    """The field is not written as RFC 8601 says; nothing in it counts."""


def is_authentic(mail: Mail, authserv_id: str) -> bool | None:
    """Return whether the sender is proved, disproved, or (None) neither, by our own server's word."""
    wanted = authserv_id.strip().rstrip(".").lower()
    domain = _domain(mail.sender.address)
    if not wanted or "." not in domain or "@" not in mail.sender.address:
        return None
    for value in mail.authentication:
        try:
            name, results = _read(value)
        except _Malformed:
            return None
        if name == wanted:
            return _verdict(results, domain)
    return None


def _verdict(results: list[_Result], domain: str) -> bool | None:
    # Which sender was judged must be said: a mail may name two.
    judged = {
        each.result
        for each in results
        if each.method == "dmarc" and _domain(each.properties.get("header.from", "")) == domain
    }
    if "fail" in judged:
        return False
    if "pass" in judged:
        return True
    dkim = [each for each in results if each.method == "dkim"]
    spf = [each for each in results if each.method == "spf"]
    if any(each.result == "pass" and _is_aligned(_signer(each), domain) for each in dkim):
        return True
    if any(each.result == "pass" and _is_aligned(_envelope(each), domain) for each in spf):
        return True
    has_failed = any(each.result == "fail" for each in dkim) and any(
        each.result in _FAILED_SPF for each in spf
    )
    return False if has_failed else None


def _signer(result: _Result) -> str:
    return _domain(result.properties.get("header.d") or result.properties.get("header.i", ""))


def _envelope(result: _Result) -> str:
    return _domain(result.properties.get("smtp.mailfrom", ""))


def _is_aligned(proved: str, domain: str) -> bool:
    """Compare relaxed, without a list of public suffixes: the same domain, or one below the other."""
    if "." not in proved:
        return False
    return proved == domain or proved.endswith(f".{domain}") or domain.endswith(f".{proved}")


def _domain(address: str) -> str:
    return ascii_domain(address.strip("<> ").rpartition("@")[2])


def _read(value: str) -> tuple[str, list[_Result]]:
    name, *parts = _parts(value)
    match = _NAME.fullmatch(name)  # a version may follow
    if match is None:
        raise _Malformed
    results = [_result(part) for part in parts if part.strip().lower() not in ("", "none")]
    return _plain(match[1]).rstrip(".").lower(), results


def _result(part: str) -> _Result:
    """Read `method[/version]=result [reason=...] [type.property=value ...]`, and nothing besides."""
    pairs = []
    at = 0
    while part[at:].strip():
        match = _PAIR.match(part, at)
        if match is None:
            raise _Malformed
        pairs.append((match[1].lower(), _plain(match[2])))
        at = match.end()
    (method, result), *found = pairs
    properties: dict[str, str] = {}
    for name, value in found:
        # Of two properties of one name neither is believed.
        properties[name] = "" if name in properties else value
    return _Result(method.partition("/")[0], result.lower(), properties)


def _parts(value: str) -> list[str]:
    """Cut the field at its semicolons, without the comments. Raises _Malformed."""
    if len(value) > LONGEST_AUTHENTICATION:
        raise _Malformed
    parts: list[list[str]] = [[]]
    depth, is_quoted, at = 0, False, 0
    while at < len(value):
        letter = value[at]
        step = 2 if letter == "\\" and (is_quoted or depth) else 1
        if not is_quoted and letter in "()":
            depth += 1 if letter == "(" else -1
            parts[-1].append(" ")
        elif depth:
            # Servers quote addresses in comments; one that holds a quote may be meant to end them.
            depth = -1 if letter == '"' else depth
        elif letter == ";" and not is_quoted:
            parts.append([])
        else:
            is_quoted ^= letter == '"'
            parts[-1].append(value[at : at + step])
        if depth < 0:
            raise _Malformed
        at += step
    if depth or is_quoted:
        raise _Malformed
    return ["".join(part) for part in parts]


def _plain(token: str) -> str:
    if token.startswith('"'):
        return _ESCAPED.sub(r"\1", token[1:-1])
    return token

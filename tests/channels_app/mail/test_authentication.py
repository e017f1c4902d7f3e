"""Whose word about a sender counts, and what it must say."""

import pytest

from channels_app.adapters.mail.authentication import is_authentic
from channels_app.mails.letter import Mail, Mailbox
from channels_app.mails.reading.mail import read

OURS = "mx.ours.example"


def judged(*values: str, sender: str = "ann@shop.example", authserv_id: str = OURS) -> bool | None:
    return is_authentic(Mail(sender=Mailbox(sender), authentication=values), authserv_id)


PROVED = {
    "dmarc passes": "mx.ours.example; dmarc=pass header.from=shop.example",
    "with comments": "mx.ours.example; dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=shop.example",
    "folded": "mx.ours.example;\r\n\tdkim=none;\r\n dmarc=pass\r\n header.from=shop.example",
    "in capitals": "MX.Ours.Example; DMARC=Pass Header.From=SHOP.example",
    "with versions": "mx.ours.example 1; dmarc/1=pass header.from=shop.example",
    "quoted name": '"mx.ours.example"; dmarc=pass header.from=shop.example',
    "comment before all": "(hello) mx.ours.example (x); dmarc = pass (y) header.from=shop.example",
    "with a final dot": "mx.ours.example.; dmarc=pass header.from=shop.example.",
    "like gmail": (
        "mx.ours.example; dkim=pass header.i=@shop.example header.s=s1 header.b=Ab/c+d==;"
        " spf=pass (google.com: domain of a=b@out.example designates 192.0.2.1 as permitted sender)"
        " smtp.mailfrom=a=b@out.example"
    ),
    "like exchange": (
        "mx.ours.example; spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=out.example;"
        " dkim=pass (signature was verified) header.d=shop.example;dmarc=pass action=none"
        " header.from=shop.example;compauth=pass reason=100"
    ),
    "aligned dkim": "mx.ours.example; dkim=pass header.d=shop.example",
    "dkim of a subdomain": "mx.ours.example; dkim=pass header.d=mail.shop.example",
    "one signature of two": (
        "mx.ours.example; dkim=fail header.d=list.example; dkim=pass header.i=x@shop.example"
    ),
    "aligned spf": "mx.ours.example; spf=pass smtp.mailfrom=bounce@shop.example",
    "spf of a bare domain": "mx.ours.example; spf=pass smtp.mailfrom=out.shop.example",
    "a reason that is quoted": (
        'mx.ours.example; dkim=pass reason="good; dkim=fail" header.d=shop.example'
    ),
}
DISPROVED = {
    "dmarc fails": "mx.ours.example; dmarc=fail header.from=shop.example",
    "dmarc fails though a signature fits": (
        "mx.ours.example; dmarc=fail header.from=shop.example; dkim=pass header.d=shop.example"
    ),
    "both are said": (
        "mx.ours.example; dmarc=pass header.from=shop.example; dmarc=fail header.from=shop.example"
    ),
    "both fail": "mx.ours.example; dkim=fail header.d=shop.example; spf=fail smtp.mailfrom=x.example",
    "softly": "mx.ours.example; dkim=fail header.d=shop.example; spf=softfail smtp.mailfrom=x.example",
}
NOTHING_SAID = {
    "nothing": "",
    "none": "mx.ours.example; none",
    "another server": "mx.evil.example; dmarc=pass header.from=shop.example",
    "a longer name": "mx.ours.example.evil.example; dmarc=pass header.from=shop.example",
    "a name below ours": "a.mx.ours.example; dmarc=pass header.from=shop.example",
    "only in a comment": "mx.ours.example; spf=none (dmarc=pass header.from=shop.example; x=y)",
    "only in a nested comment": "mx.ours.example; spf=none (a (b) dmarc=pass header.from=shop.example)",
    "only in quotes": 'mx.ours.example; spf=none reason="x; dmarc=pass header.from=shop.example"',
    "about nobody it names": "mx.ours.example; dmarc=pass",
    "about another sender": "mx.ours.example; dmarc=pass header.from=evil.example",
    "about two senders": (
        "mx.ours.example; dmarc=pass header.from=shop.example header.from=evil.example"
    ),
    "dkim of somebody else": "mx.ours.example; dkim=pass header.d=evil.example",
    "dkim of a name that ends alike": "mx.ours.example; dkim=pass header.d=evilshop.example",
    "dkim of the whole country": "mx.ours.example; dkim=pass header.d=example",
    "dkim without a domain": "mx.ours.example; dkim=pass",
    "spf of somebody else": "mx.ours.example; spf=pass smtp.mailfrom=x@evil.example",
    "spf of nobody": "mx.ours.example; spf=pass smtp.mailfrom=<>",
    "helo is no sender": "mx.ours.example; spf=pass smtp.helo=shop.example",
    "a domain in the local part": (
        "mx.ours.example; spf=pass smtp.mailfrom=shop.example=x@evil.example"
    ),
    "a domain before a comment": (
        "mx.ours.example; spf=pass smtp.mailfrom=shop.example(x)@evil.example"
    ),
    "a domain before a semicolon": (
        "mx.ours.example; spf=pass smtp.mailfrom=shop.example;x@evil.example"
    ),
    "a comment that is ended from inside": (
        'mx.ours.example; spf=pass (domain of "x); dmarc=pass header.from=shop.example (y"@evil.example designates)'
    ),
    "only one fails": "mx.ours.example; dkim=fail header.d=shop.example; spf=none",
    "errors": "mx.ours.example; dmarc=temperror; dkim=permerror; spf=temperror",
    "an open comment": "mx.ours.example; dmarc=pass header.from=shop.example (never ends",
    "an open quote": 'mx.ours.example; dmarc=pass header.from=shop.example reason="never ends',
    "too long": "mx.ours.example; dmarc=pass header.from=shop.example" + " " * 20_000,
    "no semicolon": "mx.ours.example dmarc=pass header.from=shop.example",
    "homoglyph": "mx.ours.example; dkim=pass header.d=shоp.example",
    "full width": "mx.ours.example; dkim=pass header.d=\uff53hop.example",
    "an ideographic full stop": "mx.ours.example; dmarc=pass header.from=shop\u3002example",
    "a soft hyphen": "mx.ours.example; dmarc=pass header.from=sh\u00adop.example",
}


@pytest.mark.parametrize("value", PROVED.values(), ids=PROVED.keys())
def test_a_sender_is_proved_by_our_own_server(value: str) -> None:
    assert judged(value) is True


@pytest.mark.parametrize("value", DISPROVED.values(), ids=DISPROVED.keys())
def test_a_sender_is_disproved_by_our_own_server(value: str) -> None:
    assert judged(value) is False


@pytest.mark.parametrize("value", NOTHING_SAID.values(), ids=NOTHING_SAID.keys())
def test_what_proves_nothing_says_nothing(value: str) -> None:
    assert judged(value) is None


def test_only_the_topmost_field_of_our_server_counts() -> None:
    about = "header.from=shop.example"
    fails, passes = f"{OURS}; dmarc=fail {about}", f"{OURS}; dmarc=pass {about}"
    assert judged(fails, passes) is False
    assert judged(f"{OURS}; none", passes) is None
    assert judged("inner.ours.example; dmarc=fail", passes) is True
    # One that cannot be read may be ours: what lies below it came with the mail.
    assert judged(f"{OURS}; dmarc=pass {about} (", passes) is None


def test_without_a_name_nobody_is_believed() -> None:
    assert judged("; dmarc=pass header.from=shop.example", authserv_id="") is None
    assert judged(f"{OURS}; dmarc=pass header.from=shop.example", authserv_id=" ") is None


@pytest.mark.parametrize("sender", ["", "ann", "ann@", "ann@localhost", "@"])
def test_a_sender_without_a_domain_is_not_proved(sender: str) -> None:
    assert judged(f"{OURS}; dmarc=pass header.from=shop.example", sender=sender) is None


def test_a_homoglyph_is_another_domain_and_its_own_spelling_is_not() -> None:
    value = f"{OURS}; dkim=pass header.d=münchen.example"
    assert judged(value, sender="a@xn--mnchen-3ya.example") is True
    assert (
        judged(f"{OURS}; dmarc=pass header.from=shop.example", sender="a@xn--shp-jed.example")
        is None
    )


@pytest.mark.parametrize("cut_at", [1_000, 2_000, 4_000, 4_096, 8_000, 16_000])
def test_a_long_field_is_judged_whole_or_not_at_all(cut_at: int) -> None:
    # Shortened there, it would say that shop.example has signed, and nothing of the failure.
    begin = f"{OURS}; dkim=pass header.s="
    rest = "; dmarc=fail header.from=shop.example"
    signed = " header.d=shop.example"
    begin += "s" * (cut_at - len(begin) - len(signed))
    field = begin + signed + ".evil.example" + rest
    assert field[:cut_at].endswith("header.d=shop.example")
    raw = f"Authentication-Results: {field}\r\nFrom: Ann <ann@shop.example>\r\n\r\nHi\r\n"
    expected = False if len(field) <= 16_000 else None
    assert is_authentic(read(raw.encode()), OURS) is expected


@pytest.mark.parametrize("odd", ["\u200e", "\ufeff", "\x07", "\u00ad", "\u00a0x=", "\u3000x="])
def test_a_field_with_letters_that_cannot_be_seen_says_nothing(odd: str) -> None:
    field = f"{OURS}; dkim=pass header.d=shop.ex{odd}ample"
    below = f"{OURS}; dmarc=pass header.from=shop.example"
    raw = f"Authentication-Results: {field}\nAuthentication-Results: {below}\nFrom: a@shop.example\n\nHi"
    assert is_authentic(read(raw.encode()), OURS) is None
    assert is_authentic(read(raw.replace(odd, "").encode()), OURS) is True

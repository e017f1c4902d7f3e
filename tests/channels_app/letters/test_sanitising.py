import re
import resource
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.letters.appearance import ATTRIBUTES
from channels_app.letters.sanitising import LETTERS_READ, PICTURES, TAGS, Clean, clean, show
from tests.channels_app.letters.payloads import XSS

EVERYWHERE = {"style", *ATTRIBUTES["*"]}
OWN = {"a": {"href", "rel", "target"}, "img": {"alt", "data-remote", "src"}}


class Parsed(HTMLParser):
    """A letter as another reader sees it."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.oddities, self.words = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    def handle_comment(self, data):
        self.oddities.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def pictures(html):
    return [attributes for tag, attributes in Parsed(html).tags if tag == "img"]


def assert_is_harmless(html):
    parsed = Parsed(html)
    assert not parsed.oddities
    for tag, attributes in parsed.tags:
        assert tag in TAGS
        assert set(attributes) <= EVERYWHERE | set(ATTRIBUTES.get(tag, ())) | OWN.get(tag, set())
        for name, value in attributes.items():
            if (tag, name) == ("img", "src"):
                assert re.match(r"cid:|data:image/(png|jpe?g|gif|webp);base64,", value)
            elif (tag, name) == ("a", "href"):
                assert re.match(r"(https?://|mailto:|tel:)\S+$", value)
            elif name not in ("alt", "rel"):
                assert not re.search(r"//|url|\\|javascript|expression|evil", value, re.IGNORECASE)


@pytest.mark.parametrize("payload", XSS, ids=range(len(XSS)))
def test_nothing_runs_or_loads(payload):
    for around in ("{}", "<p>before{}after</p>", "<table><tr><td>{}", "<b>{}</b>"):
        assert_runs_and_loads_nothing(around.format(payload))


def assert_runs_and_loads_nothing(html):
    done = clean(html)
    assert_is_harmless(done.html)
    assert clean(done.html).html == done.html
    shown = show(done.html, inline={}, remote={})
    assert not any(picture.get("src", "").startswith(("http", "/")) for picture in pictures(shown))
    assert_is_harmless(shown)


PIECES = st.one_of(
    st.sampled_from(XSS),
    st.sampled_from(sorted(TAGS)).map("<{}>".format),
    st.sampled_from(sorted(TAGS)).map("</{}>".format),
    st.sampled_from(
        ["<svg>", "<math>", "<style>", "</style>", "<!--", "-->", "<select>", "<body>"]
    ),
    st.text(max_size=8),
)


@given(st.lists(PIECES, max_size=15).map("".join))
def test_cleaning_again_changes_nothing(html):
    done = clean(html)
    assert_is_harmless(done.html)
    assert clean(done.html).html == done.html


@given(st.text(st.sampled_from("<>/=\"'&;!-abipstd \n\x00\u00a0"), max_size=60))
def test_cleaning_never_raises(html):
    done = clean(html)
    assert_is_harmless(done.html)
    assert clean(done.html).html == done.html


def test_layout_of_a_letter_stays():
    html = (
        '<table align="center" bgcolor="#eeeeee" border="0" cellpadding="4" cellspacing="0" width="600">'
        '<tbody><tr><td colspan="2" style="color:red;padding:10px 0" valign="top">'
        '<font color="#333333" face="微软雅黑" size="2">您好 <b>张三</b></font></td></tr></tbody></table>'
    )
    assert clean(html) == Clean(html, ())


def test_style_keeps_harmless_declarations_only():
    html = (
        '<p style="Color: RED !important; position:absolute; background:url(http://x/);'
        ' background-color: rgb(1, 2, 3); margin:-5px; width:50%">x</p>'
    )
    kept = Parsed(clean(html).html).tags[0][1]["style"]
    assert set(re.findall(r"([a-z-]+):", kept)) == {"color", "background-color", "width"}


def test_remote_pictures_give_up_their_addresses():
    html = (
        '<img src="https://a.example/1.png" alt="one"><img src="//b.example/2.png" width="1" height="1">'
        '<img src="HTTPS://a.example/1.png"><img srcset="http://c.example/3.png 2x">'
    )
    done = clean(html.replace("HTTPS", "https"))
    assert done.remote_pictures == (
        "https://a.example/1.png",
        "https://b.example/2.png",
        "http://c.example/3.png",
    )
    assert [picture["data-remote"] for picture in pictures(done.html)] == ["0", "1", "0", "2"]
    assert pictures(done.html)[0]["alt"] == "one"
    assert "example" not in done.html


def test_remote_pictures_have_a_limit():
    done = clean("".join(f"<img src=https://a.example/{n}>" for n in range(PICTURES + 5)))
    assert len(done.remote_pictures) == len(pictures(done.html)) == PICTURES


def test_inline_pictures_stay():
    done = clean('<img src="cid:logo@01D" alt="logo"><img src="CID:two">')
    assert [picture["src"] for picture in pictures(done.html)] == ["cid:logo@01D", "cid:two"]
    assert not done.remote_pictures


def test_small_pictures_in_the_letter_stay():
    small, large = "A" * 1_000, "A" * 280_000
    html = "".join(f'<img src="data:image/png;base64,{data}">' for data in (small, large))
    assert [picture["src"][-1_000:] for picture in pictures(clean(html).html)] == [small]


@pytest.mark.parametrize(
    ("href", "kept"),
    [
        ("https://a.example/?a=1&amp;b=2", "https://a.example/?a=1&b=2"),
        ("mailto:ann@example.org", "mailto:ann@example.org"),
        ("tel:+4420", "tel:+4420"),
        (" https://a.example/ ", "https://a.example/"),
        ("//a.example/", "https://a.example/"),
        ("ftp://a.example/", None),
        ("/local", None),
        ("#here", None),
        ("file:///etc/passwd", None),
    ],
)
def test_links_lead_outside_and_tell_nothing(href, kept):
    (tag, attributes), *_ = Parsed(clean(f'<a href="{href}">x</a>').html).tags
    assert tag == "a"
    assert attributes.get("href") == kept
    assert attributes["target"] == "_blank"
    assert attributes["rel"] == "noopener noreferrer nofollow"


def test_what_nobody_sees_is_not_kept():
    html = '<div style="display:none">preheader</div><p hidden>x</p><p>Hello</p>'
    assert clean(html).html == "<p>Hello</p>"


def test_text_sized_again_inside_a_layout_is_kept():
    assert "Hello" in clean('<div style="font-size:0"><p style="font-size:13px">Hello').html


def test_pictures_are_filled_in_when_shown():
    done = clean('<img src="cid:a@b" alt="logo"><img src="cid:gone"><img src="http://x.example/">')
    shown = show(done.html, inline={"a@b": "/files/1?a=1&b=2"}, remote={0: "/proxy/0"})
    assert pictures(shown) == [
        {"alt": "logo", "src": "/files/1?a=1&b=2"},
        {"alt": ""},
        {"alt": "", "data-remote": "0", "src": "/proxy/0"},
    ]


def test_remote_pictures_stay_blank_until_asked_for():
    done = clean('<p>Hi</p><img src="http://x.example/">')
    assert show(done.html, inline={}, remote={}) == done.html


def test_show_changes_nothing_but_pictures():
    done = clean(
        '<p style="font-family:\'Microsoft YaHei\',Arial">a "quote" &amp; \u00a0 &lt;b&gt; '
        '<a href="https://a.example/?q=%22">x</a>data-remote="0" cid:a@b</p>'
    )
    assert show(done.html, inline={"a@b": "/in"}, remote={0: "/out"}) == done.html


@pytest.mark.parametrize(
    "address",
    ['"><script>alert(1)</script>', "' onerror='alert(1)", '" onerror="alert(1)', "&quot; x=1"],
)
def test_no_address_breaks_out_of_its_attribute(address):
    done = clean('<img src="cid:a"><img src="http://x.example/">')
    shown = show(done.html, inline={"a": address}, remote={0: address})
    assert [picture["src"] for picture in pictures(shown)] == [address, address]
    assert {tag for tag, _ in Parsed(shown).tags} == {"img"}
    assert all(set(picture) <= {"alt", "data-remote", "src"} for picture in pictures(shown))


@pytest.mark.parametrize("payload", XSS, ids=range(len(XSS)))
def test_what_was_never_cleaned_is_not_shown_either(payload):
    assert_is_harmless(show(payload, inline={}, remote={}).replace("data-remote", "alt"))


def test_letter_is_bounded():
    for letter in "&x":
        done = clean(letter * 1_200_000)
        assert 0 < len(done.html) <= LETTERS_READ
        assert clean(done.html).html == done.html


HOSTILE = [
    "<b>",
    "<table><tr><td>",
    "<font color=red><p>",
    "<p><b>x<table><td></b></table></p>",
    "<b><i><u></b>",
    "<svg><p>",
    "<!--",
]
MEASURE = """
import resource, sys
from channels_app.letters.plain import plain_text
from channels_app.letters.sanitising import clean
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for piece in {pieces!r}:
    letter = piece * (200_000 // len(piece))
    clean("<p>" + "".join(f"<font size={{n}}>" for n in range(99)) + letter)
    plain_text(letter)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_deep_and_broken_letters_take_little_memory():
    """In a process of its own, for a nest too deep ends the process, not only the test."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(pieces=HOSTILE)],
        capture_output=True,
        text=True,
        check=True,
        cwd=".",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)),
    )
    assert int(done.stdout) < 150_000  # kilobytes

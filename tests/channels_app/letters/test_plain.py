import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.letters.cutting import cut
from channels_app.letters.plain import plain_text
from tests.channels_app.letters.payloads import XSS

READS = {
    "paragraphs and lines": (
        "<p>Hello <b>Bob</b>,</p><p>one<br>two<br><br>three</p>end",
        "Hello Bob,\n\none\ntwo\n\nthree\n\nend",
    ),
    "divisions": ("<div>a</div><div><br></div><div>b</div><div>c</div>", "a\n\nb\nc"),
    "space folds": ("  a \n\t b&nbsp;&nbsp;c<span> d</span>e ", "a b c de"),
    "entities": ("&lt;b&gt; &amp;amp; &#20320;&#x597d; &unknown;", "<b> &amp; 你好 &unknown;"),
    "lists": (
        "<ul><li>a<li>b<ul><li>c</ul></ul>x<ol start=3><li><p>d</p></li><li>e</ol>",
        "- a\n- b\n  - c\n\nx\n\n3. d\n4. e",
    ),
    "tables": (
        "<table><tr><td><p>a</p></td><td></td><td><p>b</p></td></tr><tr><td>c<td>d<br>e</table>f",
        "a | b\nc | d\ne\n\nf",
    ),
    "a letter laid out in a table": (
        "<table><tr><td><p>Hello</p><p>Bob</p></td></tr></table>",
        "Hello\n\nBob",
    ),
    "links": (
        "<a href='https://a.example/'>a.example</a> <a href=http://b.example/x>here</a>, "
        "<a href='mailto:ann@b.example'>ann@b.example</a> <a href='javascript:x'>no</a> <a href=#x>up</a>",
        "a.example here (http://b.example/x), ann@b.example no up",
    ),
    "a link around a picture without words": ("<a href=http://a.example><img src=x></a>y", "y"),
    "pictures": ("<img src=x alt='a logo'> <img src=y alt='' > <img src=z>end", "a logo end"),
    "what is hidden": (
        "<div style='display: none'>preheader</div><span style='max-height:0;overflow:hidden'>x</span>"
        "<p hidden>y<p>seen<img alt=no style='display:none'>",
        "seen",
    ),
    "what is not text": (
        "<head><title>t</title><style>s{}</style></head><script>x<b></script><!-- c -->yes<svg><text>n</svg>",
        "yes",
    ),
    "laid out text": ("<pre>a\n  b\n\nc</pre>d", "a\n  b\n\nc\n\nd"),
    "quotations": (
        "<p>new</p><blockquote>q<p>r</p><blockquote type=cite>s</blockquote></blockquote>t",
        "new\n\n> q\n>\n> r\n>\n> > s\n\nt",
    ),
    "an indent": (
        "<blockquote style='margin:0 0 0 40px;border:none;padding:0'>item</blockquote>",
        "item",
    ),
    "rules": ("a<hr>b", "a\n" + "_" * 32 + "\nb"),
    "paragraphs of Outlook": (
        "<p class=MsoNormal>a</p><p class=MsoNormal>b<o:p></o:p></p>"
        "<p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>c</p>",
        "a\nb\n\nc",
    ),
    "broken tags": ("a<b<c>d</b <i>e< f <", "ade< f <"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("html", "text"), READS.values(), ids=READS)
def test_letter_is_read_as_its_reader_would(html, text):
    assert plain_text(html) == text


QUOTING = {
    "Gmail": (
        '<div dir="ltr">{}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
        'On Sun, Nov 22, 2026 at 10:00 AM S &lt;<a href="mailto:s@b.example">s@b.example</a>&gt; wrote:<br></div>'
        '<blockquote class="gmail_quote" style="margin:0 0 0 .8ex"><div>Dear Ann</div></blockquote></div>'
    ),
    "Gmail in Chinese": (
        '<div>{}</div><div class="gmail_quote"><div class="gmail_attr">S &lt;<a href="mailto:s@b.example">'
        "s@b.example</a>&gt; 于2026年11月22日周日 上午10:00写道:<br></div><blockquote>您好</blockquote></div>"
    ),
    "Outlook on the web": (
        '<div>{}</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1">'
        '<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri"><b>From:</b> S &lt;s@b.example&gt;<br>'
        "<b>Sent:</b> Sunday, November 22, 2026 10:00 AM<br><b>To:</b> Ann<br><b>Subject:</b> Parcel</font>"
        "<div>&nbsp;</div></div><div>Dear Ann</div>"
    ),
    "Outlook": (
        "<div class=WordSection1><p class=MsoNormal>{}<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p>"
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0 0 0"><p class=MsoNormal>'
        "<b>发件人:</b> 客服 "
        "&lt;s@b.example&gt; <br><b>发送时间:</b> 2026年11月22日 10:00"
        "<br><b>收件人:</b> 张三<br><b>主题:</b> 订单</p></div>"
        "<p class=MsoNormal>您好</p></div>"
    ),
    "QQ mail": (
        "<div>{}</div><div><br></div><div style='font-size:12px'>"
        "------------------&nbsp;原始邮件&nbsp;------------------</div>"
        "<div style='background:#efefef'><div><b>发件人:</b> \"客服\" &lt;s@b.example&gt;;</div>"
        '<div><b>发送时间:</b> 2026年11月22日(星期天) 上午10:00</div><div><b>收件人:</b> "张三";</div>'
        "<div><b>主题:</b> 订单</div></div><div><br></div><div>您好</div>"
    ),
    "NetEase": (
        '<div>{}</div><pre>在 2026-11-22 10:00:00,"客服" &lt;s@b.example&gt; 写道:</pre>'
        '<blockquote id="isReplyContent" style="PADDING-LEFT: 1ex"><div>您好</div></blockquote>'
    ),
    "NetEase without a head": ('<div>{}</div><div id="isReplyContent"><div>您好</div></div>'),
    "NetEase's app": (
        "<div>{}</div><div class='ntes-mailmaster-quote'><div>---- 回复的原邮件 ----</div><table><tr><td>发件人</td>"
        "<td>客服&lt;s@b.example&gt;</td></tr><tr>"
        "<td>日期</td><td>2026年11月22日 10:00</td></tr></table><div>您好</div></div>"
    ),
    "Foxmail": (
        "<div>{}</div><hr style='width:210px'><div>&nbsp;</div><div style='border-top:solid #B5C4DF 1.0pt'>"
        "<div><b>发件人:</b>&nbsp;<a href='mailto:s@b.example'>"
        "客服</a></div><div><b>发送时间:</b>&nbsp;2026-11-22 10:00</div>"
        "<div><b>收件人:</b>&nbsp;张三</div><div><b>主题:</b>&nbsp;订单</div></div><div>您好</div>"
    ),
    "Apple Mail": (
        "<body>{}<br><div><blockquote type=cite><div>On 22 Nov 2026, at 10:00, S &lt;s@b.example&gt; wrote:</div><br>"
        "<div>Dear Ann</div></blockquote></div></body>"
    ),
    "Thunderbird": (
        '{}<br><div class="moz-cite-prefix">On 22/11/2026 10:00, S\n wrote:<br></div><blockquote type="cite">'
        "<p>Dear Ann</p></blockquote><br>"
    ),
    "Yahoo": (
        '<div>{}</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div>'
        "On Sunday, November 22, 2026 at 10:00:00 AM GMT+1, "
        "S &lt;s@b.example&gt; wrote: </div><div><br></div><div>Dear Ann</div></div>"
    ),
}


@pytest.mark.parametrize("html", QUOTING.values(), ids=QUOTING)
def test_quotation_of_a_program_is_cut_from_its_html(html):
    done = cut(plain_text(html.format("My parcel is <b>lost</b>.")))
    assert done.reply == "My parcel is lost."
    assert "Dear Ann" in done.quoted or "您好" in done.quoted


@given(st.lists(st.one_of(st.sampled_from(XSS), st.text(max_size=9)), max_size=9).map("".join))
def test_reading_never_raises(html):
    text = plain_text(html)
    assert "\n\n\n\n" not in text or "<pre" in html.lower()
    text.encode()


def seconds(work) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


@pytest.mark.parametrize(
    "piece",
    [
        "<b>",
        "<blockquote>",
        "x<br>",
        "<",
        "<td>",
        "<tr><td>x",
        "<ul><li>",
        "<pre>\n",
        "&",
        "<a b='",
        "<!--",
        "\n",
    ],
)
def test_a_hostile_megabyte_is_read_about_as_fast_as_its_letters(piece):
    """Compares with reading the same letters one by one, for seconds alone tell of the machine."""
    html = piece * (1_000_000 // len(piece))
    reading = min(seconds(lambda: [letter for letter in html if letter == "y"]) for _ in range(3))
    texts = []
    assert seconds(lambda: texts.append(plain_text(html))) < 80 * reading
    assert len(texts[0]) <= 1_000_000

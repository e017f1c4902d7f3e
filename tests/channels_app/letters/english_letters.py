"""Letters as other mail programs lay them out: name, and all that stands below what was answered."""

ASK = "Hello,\n\nmy parcel has not arrived. On Monday you said it would.\n\nThanks,\nAnn"

QUOTED = {
    "Gmail": """

On Sun, Nov 22, 2026 at 10:00 AM Support <support@example.com> wrote:

> Dear Ann,
> which parcel?
""",
    "Gmail, wrapped over two lines": """

On Sun, Nov 22, 2026 at 10:00 AM The Support Team of Example <
support@example.com> wrote:

> Dear Ann,
""",
    "Gmail, wrapped over four lines": """

On Sun, Nov 22, 2026
at 10:00 AM
The Support Team <support@example.com>
wrote:

Dear Ann,
""",
    "Apple Mail": """

On 22 Nov 2026, at 10:00, Support <support@example.com> wrote:

Dear Ann,
""",
    "iPhone": """

> On Nov 22, 2026, at 10:00 AM, Support <support@example.com> wrote:
>
> Dear Ann,
""",
    "Thunderbird": """

On 22/11/2026 10:00, Support wrote:
> Dear Ann,
> which parcel?
""",
    "Outlook": """

From: Support <support@example.com>
Sent: Sunday, November 22, 2026 10:00 AM
To: Ann <ann@example.org>
Subject: RE: Parcel

Dear Ann,
""",
    "Outlook on the web": """

________________________________
From: Support <support@example.com>
Sent: Sunday, November 22, 2026 10:00 AM
To: Ann <ann@example.org>; Bob <bob@example.org>;
 Carol <carol@example.org>
Cc: Dan <dan@example.org>
Subject: Parcel

Dear Ann,
""",
    "old Outlook": """

-----Original Message-----
From: Support
Sent: Sunday, November 22, 2026 10:00 AM
To: Ann
Subject: Parcel

Dear Ann,
""",
    "Outlook as starred text": """

*From:* Support [mailto:support@example.com]
*Sent:* Sunday, November 22, 2026 10:00 AM
*To:* Ann
*Subject:* Parcel

Dear Ann,
""",
    "Outlook for Mac": """

From: Support <support@example.com>
Date: Sunday, November 22, 2026 at 10:00 AM
To: Ann <ann@example.org>
Subject: Parcel

Dear Ann,
""",
    "Yahoo": """

    On Sunday, November 22, 2026 at 10:00:00 AM GMT+1, Support <support@example.com> wrote:

 Dear Ann,
""",
    "Android": """

-------- Original message --------
From: Support <support@example.com>
Date: 22/11/2026 10:00 (GMT+01:00)
To: ann@example.org
Subject: Parcel

Dear Ann,
""",
    "Zoho": """

---- On Sun, 22 Nov 2026 10:00:00 +0100 Support <support@example.com> wrote ----

Dear Ann,
""",
    "Proton": """

On Sunday, 22 November 2026 at 10:00, Support <support@example.com> wrote:

> Dear Ann,
""",
    "Lotus Notes": """

From:   Support <support@example.com>
To:     ann@example.org
Date:   11/22/2026 10:00 AM
Subject:        Parcel


Dear Ann,
""",
    "German": """

Am So., 22. Nov. 2026 um 10:00 Uhr schrieb Support <support@example.com>:

> Liebe Ann,
""",
    "German, Thunderbird": """

Am 22.11.26 um 10:00 schrieb Support:
> Liebe Ann,
""",
    "German, Outlook": """

Von: Support <support@example.com>
Gesendet: Sonntag, 22. November 2026 10:00
An: Ann <ann@example.org>
Betreff: AW: Paket

Liebe Ann,
""",
    "French": """

Le dim. 22 nov. 2026 à 10:00, Support <support@example.com>
a écrit :

> Chère Ann,
""",
    "Spanish": """

El dom, 22 nov 2026 a las 10:00, Support (<support@example.com>)
escribió:

> Querida Ann,
""",
    "Italian": """

Il giorno dom 22 nov 2026 alle ore 10:00 Support <support@example.com> ha
scritto:

> Cara Ann,
""",
    "Portuguese": """

Em dom., 22 de nov. de 2026 às 10:00, Support <support@example.com>
escreveu:

> Cara Ann,
""",
    "Dutch": """

Op zo 22 nov 2026 om 10:00 schreef Support <support@example.com>:

> Beste Ann,
""",
    "Russian": """

вс, 22 нояб. 2026 г. в 10:00, Support <support@example.com>:

> Анна,
""",
    "Japanese": """

2026年11月22日(日) 10:00 Support <support@example.com>:

> Ann様
""",
    "Korean": """

2026년 11월 22일 (일) 오전 10:00, Support <support@example.com>님이 작성:

> Ann님
""",
    "a language nobody foresaw": """

22.11.2026 10:00 tarixində Support <support@example.com> belə dedi:

> Hörmətli Ann,
""",
}

SIGNED = [
    "Sent from my iPhone",
    "Sent from my iPad!",
    "Sent from my Samsung Galaxy smartphone.",
    "Sent from Yahoo Mail on Android",
    "Sent from Outlook for iOS<https://aka.ms/o0ukef>",
    "Get Outlook for Android",
    "Get Outlook for iOS (https://aka.ms/o0ukef)",
    "Sent from Mail for Windows 10",
    "Von meinem iPhone gesendet",
    "Envoyé de mon iPhone",
    "-- \nAnn Smith\nExample Ltd.",
    "--\nAnn Smith",
    "Best regards,\n\nAnn Smith\nHead of Purchase\nExample Ltd.\n+44 20 7946 0000",
    "Kind regards\nAnn Smith\nExample Ltd.\n\nThis e-mail and any attachments are confidential.",
    "This e-mail and any attachments are confidential and intended solely for the addressee.",
    "CONFIDENTIALITY NOTICE: the contents of this message are private.",
    "Disclaimer: opinions are my own.",
]

WHOLE = [
    "Regards,\nAnn",
    "My number, as you asked:\nAnn Smith\n+44 20 7946 0000\nann@example.org",
    "From: London\nTo: Paris\nDate: 5 May 2026\n\nHow much is the ticket?",
    "On 5 May 2026 your colleague wrote:\n\nWe refund everything.\n\nWhen?",
    "On the one hand it works.\nOn the other it does not.",
    "Sent from my desk, it was late.",
    "sent from my bank account yesterday",
    "I get this error:\n----------\nConnection refused.\n----------\nWhat now?",
    "Subject: refund\n\nPlease refund my order.",
    "He wrote:\nno.",
    "- one\n- two\n-- three",
]

FORWARDED = [
    "---------- Forwarded message ---------\nFrom: Bob <bob@example.org>\nDate: Sun, Nov 22, 2026 at 10:00 AM\n"
    "Subject: Invoice\nTo: Ann <ann@example.org>\n\nPlease pay.",
    "FYI\n\n---------- Forwarded message ---------\nFrom: Bob <bob@example.org>\n"
    "Subject: Invoice\n\nPlease pay.",
    "\nBegin forwarded message:\n\n> From: Bob <bob@example.org>\n> Subject: Invoice\n>\n> Please pay.",
    "See below.\nSent from my iPhone\n\nBegin forwarded message:\n\nFrom: Bob <bob@example.org>\n"
    "Subject: Invoice\n\nPlease pay.",
]

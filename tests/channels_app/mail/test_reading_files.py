"""The files that mails carry."""

import pytest

from channels_app.mails.reading.mail import read
from tests.channels_app.mail.letters_made import html, many_parts, part, plain, posted


def files_of(*parts: bytes):
    return read(posted("mixed", plain("see"), *parts)).parts


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("attachment; filename=a b.pdf", "a b.pdf"),
        ('attachment; filename="a;b\\"c.pdf"', 'a;b"c.pdf'),
        ('attachment; filename="=?utf-8?B?5Y+R56WoLnBkZg==?="', "发票.pdf"),
        ("attachment; filename==?gbk?B?t6LGsS5wZGY=?=", "发票.pdf"),
        ("attachment; filename*=utf-8''%E5%8F%91%E7%A5%A8.pdf", "发票.pdf"),
        ("attachment; filename*=gb2312'zh'%B7%A2%C6%B1.pdf", "发票.pdf"),
        (
            "attachment; filename*0*=utf-8''%E5%8F%91%E7; filename*1*=%A5%A8; filename*2=.pdf",
            "发票.pdf",
        ),
        ("attachment; filename=\"?.pdf\"; filename*=utf-8''%E5%8F%91.pdf", "发.pdf"),
        ('attachment; filename="发票.pdf"', "发票.pdf"),
        ('attachment; filename="../../etc/passwd"', "../../etc/passwd"),
        ('attachment; filename="=?utf-8?Q?a=00=0D=0Ab.pdf?="', "a b.pdf"),
        ('attachment; filename="never closed.pdf', "never closed.pdf"),
        ("attachment; filename=" + "x" * 1_000, "x" * 255),
        ("attachment", ""),
    ],
)
def test_names_are_read_in_whichever_way_they_are_written(written, name):
    (file,) = files_of(part("application/pdf", b"PDF", f"Content-Disposition: {written}".encode()))
    assert file.filename == name
    assert file.data == b"PDF"


def test_name_in_gbk_bytes_is_read():
    field = 'Content-Disposition: attachment; filename="发票和合同.pdf"'.encode("gbk")
    assert files_of(part("application/pdf", b"PDF", field))[0].filename == "发票和合同.pdf"


def test_name_of_the_content_type_stands_in():
    assert files_of(part('image/png; name="a.png"', b"PNG"))[0].filename == "a.png"


def test_a_file_of_no_bytes_and_no_name_is_a_file():
    (file,) = files_of(part('application/octet-stream; name=""', b""))
    assert (file.data, file.filename, file.mime) == (b"", "", "application/octet-stream")


def test_null_bytes_in_a_file_stay_and_in_a_header_go():
    (file,) = files_of(
        part("application/x-a", b"a\0b", b'Content-Disposition: attachment; filename="a\0b"')
    )
    assert (file.data, file.filename) == (b"a\0b", "ab")


@pytest.mark.parametrize(
    "disposition", [b"X: y", b"Content-Disposition: inline", b"Content-Disposition: attachment"]
)
def test_a_picture_is_in_line_where_the_html_shows_it(disposition):
    body = html('<p>see</p><img src="cid:one%40shop.cn">')
    shown = part("image/png", b"1", b"Content-ID: <one@shop.cn>", disposition)
    other = part("image/png", b"2", b"Content-ID: <two@shop.cn>", disposition)
    found = read(posted("related", body, shown, other)).parts
    assert [(file.content_id, file.is_inline) for file in found] == [
        ("one@shop.cn", True),
        ("two@shop.cn", False),
    ]


def test_signatures_and_encrypted_bodies_are_files():
    signature = b"Content-Type: application/pgp-signature\n\n-----BEGIN PGP SIGNATURE-----"
    mail = read(posted("signed", plain("Hi"), signature))
    assert mail.text == "Hi"
    assert [file.filename for file in mail.parts] == ["signature.asc"]
    sealed = part("application/pkcs7-mime; smime-type=enveloped-data", b"secret")
    assert [file.filename for file in files_of(sealed)] == ["smime.p7m"]


def test_uuencoded_part_is_decoded_where_its_header_says_so():
    encoded = b"Content-Type: application/x-a; name=a\nContent-Transfer-Encoding: x-uuencode\n\n"
    assert files_of(encoded + b"begin 644 a\n#86)C\n`\nend\n")[0].data == b"abc"


def test_no_more_than_two_hundred_files_are_kept():
    raw = many_parts(300).replace(b"--b\n\n", b"--b\nContent-Type: image/png\n\n")
    mail = read(raw)
    assert len(mail.parts) == 200
    assert "too_many_parts" in mail.defects

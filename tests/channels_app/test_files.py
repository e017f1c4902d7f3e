import io
import re
import zipfile
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from channels_app import limits
from channels_app.services.files import visitor_key
from helpdesk.crypto import new_token
from helpdesk.errors import UnsupportedFile
from helpdesk.models import Attachment, Channel
from helpdesk.services import files
from helpdesk.services.receiving import Sender, receive


def picture(form="PNG", size=(8, 6)):
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, form)
    return out.getvalue()


def office(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


@pytest.fixture(autouse=True)
def media(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr(limits, "_count", limits._count_here)
    limits._local.clear()
    return tmp_path


@pytest.mark.parametrize(
    ("data", "mime"),
    [
        (picture("PNG"), "image/png"),
        (picture("JPEG"), "image/jpeg"),
        (picture("GIF"), "image/gif"),
        (picture("WEBP"), "image/webp"),
        (b"%PDF-1.7\n...", "application/pdf"),
        ("订单号 1234\n".encode(), "text/plain"),
        (office("[Content_Types].xml", "word/document.xml"), files._OFFICE["word/"]),
    ],
)
def test_a_file_is_what_its_content_says(data, mime):
    assert files.check(data).mime == mime


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"  \n<!DOCTYPE html><script>alert(1)</script>",
        b"\xef\xbb\xbf<html>",
        b"<?xml version='1.0'?><x/>",
        b"MZ\x90\x00",
        b"\x7fELF\x02\x01",
        b"PK\x03\x04broken",
        office("run.exe"),
        office("[Content_Types].xml", "word/vbaProject.bin"),
        picture("PNG")[:40],
        b"\x00\x01\x02\x03",
        b"\xff\xfe<\x00s\x00",
    ],
)
def test_what_could_run_is_refused(data):
    with pytest.raises(UnsupportedFile):
        files.check(data)


def test_a_picture_with_too_many_pixels_is_refused_unopened(monkeypatch):
    monkeypatch.setattr(files, "MOST_PIXELS", 40)
    with pytest.raises(UnsupportedFile):
        files.check(picture(size=(8, 6)))


@given(st.text(max_size=400))
def test_every_name_becomes_one_safe_line(name):
    shown = files.shown_name(name)
    assert 0 < len(shown) <= 130
    assert not re.search(r"[\x00-\x1f\x7f/\\\u202a-\u202e\u2066-\u2069\u200b-\u200f]", shown)


def upload(client, world, data, name="a.png", token=None, origin=settings.PUBLIC_URL):
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
    if origin:
        headers["HTTP_ORIGIN"] = origin
    address = f"/widget/{world.channel.public_id}/files"
    return client.post(address, {"file": SimpleUploadedFile(name, data)}, **headers)


def test_a_visitor_uploads_and_gets_it_back_by_a_signed_link_only(
    world, other_world, client, media
):
    token = new_token()
    answer = upload(client, world, picture(), "..\\..\\图\u202e片.png", token)
    assert answer.status_code == 200
    assert answer.json()["name"] == "图片.png"
    found = (media / str(world.organization.pk)).iterdir()
    assert [path.name for path in found] == [answer.json()["id"]]
    with world.transaction():
        attachment = Attachment.objects.get()
        channel = Channel.objects.get(pk=world.channel.pk)
        sender = Sender(external_id=attachment.identity.external_id)
        receive(
            channel, sender, text="", client_ref="r", attachment_ids=[str(attachment.public_id)]
        )
        attachment.refresh_from_db()
        key = visitor_key(attachment)
    path = f"/widget/{world.channel.public_id}/files/{attachment.public_id}"
    good = client.get(f"{path}?key={key}")
    assert b"".join(good.streaming_content) == picture()
    assert good["Content-Disposition"].startswith("attachment;")
    assert good["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in good["Content-Security-Policy"]
    assert good["Cache-Control"] == "private, no-store"
    elsewhere = f"/widget/{other_world.channel.public_id}/files/{attachment.public_id}"
    for address in (path, f"{path}?key=x", f"{path}?key={key}x", f"{elsewhere}?key={key}"):
        assert client.get(address).status_code == 404


def test_a_file_that_no_message_claims_is_deleted_after_a_day(world, client, media):
    token = new_token()
    kept, loose = (upload(client, world, picture(), token=token).json()["id"] for _ in range(2))
    with world.transaction():
        sender = Sender(external_id=Attachment.objects.get(public_id=kept).identity.external_id)
        channel = Channel.objects.get(pk=world.channel.pk)
        receive(channel, sender, text="", client_ref="r", attachment_ids=[kept])
    folder = media / str(world.organization.pk)
    now = timezone.now()
    assert files.forget_loose(now) == 0
    assert (folder / loose).is_file()
    assert files.forget_loose(now + timedelta(days=1, minutes=1)) == 1
    assert [path.name for path in folder.iterdir()] == [kept]
    with world.transaction():
        assert str(Attachment.objects.get().public_id) == kept


def test_uploads_are_counted_by_the_address_that_the_proxy_names(world, client, settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    client.defaults["HTTP_X_FORWARDED_FOR"] = "198.51.100.9, 203.0.113.5"
    assert upload(client, world, picture(), token=new_token()).status_code == 200
    counted = [key for key in limits._local if ":address:" in key]
    assert [":address:203.0.113.5:" in key for key in counted] == [True]


def test_uploads_are_refused_with_the_reason(world, client, settings):
    token = new_token()
    assert upload(client, world, b"<svg/>", "a.svg", token).status_code == 415
    assert upload(client, world, b"", "a.txt", token).status_code == 400
    assert upload(client, world, picture(), token=None).status_code == 404
    assert upload(client, world, picture(), token="short").status_code == 404
    assert (
        upload(client, world, picture(), token=token, origin="https://evil.example").status_code
        == 404
    )
    assert upload(client, world, picture(), token=token, origin=None).status_code == 404
    settings.ATTACHMENT_MAX_BYTES = 100
    assert upload(client, world, b"x" * 200, "a.txt", token).status_code == 413
    with world.transaction():
        assert not Attachment.objects.exists()

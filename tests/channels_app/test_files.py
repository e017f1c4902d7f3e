import io
import re
import struct
import threading
import tracemalloc
import zipfile
import zlib
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from psycopg_pool import PoolTimeout

from channels_app import limits, widget
from channels_app.services import chatting, visiting
from channels_app.services.doors import find_door
from channels_app.services.files import visitor_key
from helpdesk.crypto import new_token
from helpdesk.errors import UnsupportedFile
from helpdesk.models import Attachment, Channel, Conversation, Customer, Identity
from helpdesk.services import files
from helpdesk.services.identifying import Sender
from helpdesk.services.receiving import receive


def picture(form="PNG", size=(8, 6)):
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, form)
    return out.getvalue()


def office(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), "x")
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


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(count, about=b"tEXt", data=b"a\0b"):
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 10, 10, 8, 2, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0" * 310)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(about, data) * count + pixels


def archive_of(count):
    """Return an archive with many names, whose end says that it has one."""
    name = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 0, 20, *[0] * 8, 1, *[0] * 6) + b"a"
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(name) * count, 30, 0)
    return b"PK\3\4" + b"\0" * 26 + name * count + end


def webp_of(count):
    first = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + b"\x0f\0\0" * 2
    body = b"WEBP" + first + (b"XXXX" + struct.pack("<I", 0)) * count
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff\xe5\0\3a" * 300_000 + b"\xff\xd9",
        b"\xff\xd8" + b"\xff\xfe\0\2" * 300_000 + b"\xff\xd9",
        b"\xff\xd8" + b"a" * 2_000_000,
        b"\xff\xd8" + (b"\xff\xe1\xff\xffExif\0\0" + b"a" * 65_527) * 200,
        b"GIF89a\1\0\1\0\0\0\0!\xfe" + b"\xffa" * 255_000,
        b"GIF89a\1\0\1\0\0\0\0" + b"!\xfe\1a\0" * 300_000,
        png_of(300_000),
        png_of(300_000, b"prVt", b""),
        webp_of(300_000),
        archive_of(50_000),
    ],
    ids=[
        *("jpeg", "comments", "filler", "exif", "gif comment", "gif comments"),
        *("png", "png own", "webp", "names"),
    ],
)
def test_a_file_of_very_many_parts_is_refused_for_little_memory(data):
    tracemalloc.start()
    try:
        with pytest.raises(UnsupportedFile):
            files.check(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(data) * 3 + 4_000_000


def test_a_picture_whose_pixels_come_in_many_parts_is_taken():
    pixels = b"".join(png_chunk(b"IDAT", b"\0" * 4096) for _ in range(2_500))
    whole = png_of(0)
    place = whole.index(b"IEND") - 4
    assert files.check(whole[:place] + pixels + whole[place:]).mime == "image/png"


def test_no_more_than_two_files_are_looked_at_together(monkeypatch):
    both, done = threading.Barrier(3), threading.Event()

    def look(data):
        both.wait(10)
        done.wait(10)
        raise UnsupportedFile

    def send():
        with pytest.raises(UnsupportedFile):
            files.store(b"x", "a.txt")

    monkeypatch.setattr(files, "check", look)
    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    both.wait(10)
    assert not files._turns.acquire(blocking=False)
    done.set()
    for thread in threads:
        thread.join()
    assert files._turns.acquire(blocking=False)
    files._turns.release()


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


def test_whoever_only_uploads_is_forgotten_with_the_file(world, client):
    for _ in range(2):
        assert upload(client, world, picture(), token=new_token()).status_code == 200
    with world.transaction():
        seen, touched = Customer.objects.order_by("id")
        touched.remark = "Called us"
        touched.save()
        Customer.objects.filter(pk=touched.pk).update(
            updated_at=timezone.now() + timedelta(minutes=5)
        )
        writes = world.message().conversation_id
        before = Customer.objects.count()
    assert files.forget_loose(timezone.now() + timedelta(days=1, minutes=1)) == 2
    with world.transaction():
        assert Customer.objects.count() == before - 1
        assert not Customer.objects.filter(pk=seen.pk).exists()
        assert Conversation.objects.get(pk=writes).customer_id


def test_a_visitor_who_was_forgotten_is_known_again(world, client):
    token = new_token()
    upload(client, world, picture(), token=token)
    door = find_door(world.channel.public_id, kind="webchat")
    visitor = visiting.recognise(door, token=token)
    assert visitor.identity_id
    files.forget_loose(timezone.now() + timedelta(days=1, minutes=1))
    visitor = chatting.leave_address(door, visitor, "mei@customer.example")
    with world.transaction():
        assert Identity.objects.get(pk=visitor.identity_id).data["email"]


def test_all_of_them_are_deleted_however_many_they_are(world, client, monkeypatch):
    monkeypatch.setattr(files, "BATCH", 2)
    token = new_token()
    for _ in range(5):
        upload(client, world, picture(), token=token)
    assert files.forget_loose(timezone.now() + timedelta(days=1, minutes=1)) == 5


@pytest.mark.parametrize(
    ("limit", "most", "other"),
    [("MOST_LOOSE", 2, 200), ("MOST_LOOSE_OF_ALL", 2, 429), ("MOST_LOOSE_BYTES_OF_ALL", 300, 429)],
)
def test_nobody_hoards_files_that_no_message_claims(world, client, monkeypatch, limit, most, other):
    monkeypatch.setattr(files, limit, most)
    token = new_token()
    for _ in range(2):
        assert upload(client, world, b"x" * 150, "a.txt", token).status_code == 200
    refused = upload(client, world, b"x" * 150, "a.txt", token)
    assert (refused.status_code, refused.json()["error"]) == (429, "too_many")
    assert refused["Retry-After"]
    assert upload(client, world, b"x" * 150, "a.txt", new_token()).status_code == other
    with world.transaction():  # there is room again
        Attachment.objects.earliest("id").delete()
    assert upload(client, world, b"x" * 150, "a.txt", token).status_code == 200


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


def test_an_upload_without_the_database_is_told_so_in_words_the_widget_reads(
    world, client, monkeypatch
):
    def away(*args, **options):
        raise PoolTimeout

    monkeypatch.setattr(widget, "find_door", away)
    answer = upload(client, world, picture(), token=new_token())
    assert answer.status_code == 503
    assert answer["Retry-After"]
    assert answer["Access-Control-Allow-Origin"] == settings.PUBLIC_URL
    assert answer.json()["error"] == "unavailable"

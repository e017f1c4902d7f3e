"""Names and texts of outsiders are shown as text; their files are never a page of ours."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from helpdesk.models import Attachment, Conversation, Customer, Department, Staff, Topic
from helpdesk.services import assignment, replying
from tests.factories import World
from tests.helpdesk.portal.conftest import Screen

POLYGLOT = "\"'><img src=x onerror=pwn()>{{7*7}}</textarea><script>pwn()</script>${7}"
RAW = "<script>pwn()</script>"


def _hostile(world: World) -> int:
    pk = world.message(POLYGLOT).conversation_id
    with world.transaction():
        Conversation.objects.filter(pk=pk).update(subject=POLYGLOT, last_text=POLYGLOT)
        Customer.objects.update(
            name=POLYGLOT,
            company=POLYGLOT,
            tags=[POLYGLOT[:30]],
            remark=POLYGLOT,
            place=POLYGLOT[:60],
        )
        topic = Topic.objects.create(name=POLYGLOT[:80], department=world.support)
        Conversation.objects.filter(pk=pk).update(topic=topic)
        Department.objects.filter(pk=world.support.pk).update(name=POLYGLOT[:80], name_en="")
        Staff.objects.filter(pk=world.carol.pk).update(name=POLYGLOT[:80])
    assignment.take(world.access("carol"), pk)
    replying.note(world.access("carol"), pk, text=f"@{POLYGLOT}", mention_ids=[world.erin.pk])
    return pk


@pytest.mark.parametrize(
    "path",
    ["/", "/?view=all", "/?view=search&q=img", "/conversations/{pk}/", "/conversations/{pk}/transfer/",
     "/conversations/{pk}/topic/", "/conversations/{pk}/colleagues/", "/profile/"],
)  # fmt: skip
@pytest.mark.parametrize("htmx", [False, True])
def test_hostile_names_are_text(world: World, screen: Screen, path: str, htmx: bool) -> None:
    pk = _hostile(world)
    page = screen("carol", htmx=htmx).get(path.format(pk=pk)).content.decode()
    assert "&lt;" in page
    assert RAW not in page
    assert "<img src=x" not in page
    assert "onerror=pwn()>" not in page


def test_hostile_names_are_text_on_the_board(world: World, screen: Screen) -> None:
    _hostile(world)
    page = screen("bob").get("/board/").content.decode()
    assert "&lt;img" in page
    assert "<img src=x" not in page


def test_hostile_search_is_text(world: World, screen: Screen) -> None:
    page = screen("carol").get("/", {"view": "search", "q": POLYGLOT}).content.decode()
    assert "&lt;" in page
    assert RAW not in page


@pytest.mark.parametrize(
    "path",
    ["/?view=search&q=a%00b", "/?view=search&q=%00", "/parts/list/?view=search&q=%00%25",
     "/conversations/{pk}/snippets/?q=%00", "/conversations/{pk}/colleagues/?q=%00a",
     "/conversations/{pk}/earlier/?before=%00", "/board/?department=%00",
     "/admin/helpdesk/staff/?q=%00", "/admin/search/?s=a%00&extended=1",
     "/admin/autocomplete/?app_label=helpdesk&model_name=rolegrant&field_name=staff&term=%00"],
)  # fmt: skip
def test_what_the_database_cannot_keep_may_be_asked_for(
    world: World, screen: Screen, path: str
) -> None:
    pk = world.message().conversation_id
    for name in ("bob", "alice"):
        assert screen(name).get(path.format(pk=pk)).status_code < 500


@pytest.mark.parametrize("kind", ["reply", "note"])
def test_what_the_database_cannot_keep_is_left_out_of_what_is_written(
    world: World, screen: Screen, kind: str
) -> None:
    pk = world.message().conversation_id
    body = {"kind": kind, "text": "good\x00 day", "client_key": "k\x00"}
    answer = screen("carol", htmx=True).post(f"/conversations/{pk}/write/", body)
    assert "good day" in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html", b"<!doctype html><script>alert(1)</script>"),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("picture.png", b"<html><body onload=alert(1)>"),
        ("run.exe", b"MZ\x90\x00\x03\x00\x00\x00"),
    ],
)
def test_file_that_could_run_is_refused_by_its_content(
    world: World, screen: Screen, name: str, data: bytes
) -> None:
    pk = world.message().conversation_id
    body = {"kind": "reply", "text": "see this", "files": SimpleUploadedFile(name, data)}
    answer = screen("carol", htmx=True).post(f"/conversations/{pk}/write/", body)
    assert answer.status_code == 415
    assert "data-error" in answer.content.decode()
    with world.transaction():
        assert not Attachment.objects.exists()


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 4), "teal").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def file(world: World, screen: Screen, settings, tmp_path) -> Attachment:
    settings.MEDIA_ROOT = tmp_path
    pk = world.message().conversation_id
    hostile = "..\\..\\e\u202egnp.exe\r\nX: y.png"
    body = {"kind": "reply", "text": "", "files": SimpleUploadedFile(hostile, _picture())}
    assert screen("carol", htmx=True).post(f"/conversations/{pk}/write/", body).status_code == 200
    with world.transaction():
        return Attachment.objects.get()


def test_file_is_given_out_sandboxed_under_a_harmless_name(
    world: World, screen: Screen, file: Attachment
) -> None:
    answer = screen("carol").get(f"/files/{file.public_id}/")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "private, no-store"
    assert "\u202e" not in file.name
    assert "\n" not in answer["Content-Disposition"]
    assert b"".join(answer.streaming_content) == _picture()  # type: ignore[attr-defined]


def test_file_is_there_only_for_those_who_see_the_conversation(
    world: World, other_world: World, screen: Screen, file: Attachment, client
) -> None:
    url = f"/files/{file.public_id}/"
    assert screen("carol").get(url).status_code == 200
    assert screen("frank").get(url).status_code == 404
    assert screen("alice", other_world).get(url).status_code == 404
    assert client.get(url).status_code == 302


def test_oversized_body_is_refused_unread(world: World, screen: Screen, settings) -> None:
    pk = world.message().conversation_id
    carol = screen("carol", htmx=True)
    settings.ATTACHMENT_MAX_BYTES = 1000
    big = SimpleUploadedFile("big.txt", b"a" * 400_000)
    answer = carol.post(f"/conversations/{pk}/write/", {"kind": "reply", "text": "x", "files": big})
    assert answer.status_code == 413
    assert carol.post(
        "/profile/", {"theme": "x" * 4_000_000}, content_type="application/x-www-form-urlencoded"
    ).status_code in {413, 422}


@pytest.mark.parametrize("path", ["/sign-in/", "/api/v1/customers/", "/channels/x/"])
def test_body_that_does_not_say_its_size_is_refused_unread(client, path: str) -> None:
    body = {"content_type": "application/json", "headers": {"Transfer-Encoding": "chunked"}}
    assert client.post(path, "{}", **body).status_code == 413


@pytest.mark.parametrize(
    "path", ["/", "/conversations/{pk}/", "/sign-in/", "/conversations/999999/", "/profile/"]
)
def test_every_answer_forbids_foreign_and_inline_scripts_and_is_not_kept(
    world: World, screen: Screen, path: str
) -> None:
    pk = world.message().conversation_id
    answer = screen("carol").get(path.format(pk=pk))
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "no-store" in answer["Cache-Control"]

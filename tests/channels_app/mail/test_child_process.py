"""Reading in a process apart: what happens when it dies, hangs, grows or lies."""

import os
import signal
import socket
import subprocess
import sys
import threading

import psutil
import pytest

from channels_app.mails.letter import Mail
from channels_app.mails.reading import bounded, child, frames
from channels_app.mails.reading.bounded import NotStarted, Reader, Unreadable
from channels_app.mails.reading.mail import read
from deploy import processes
from tests.channels_app.mail.letters_made import (
    html,
    letter,
    many_parts,
    part,
    plain,
    posted,
    report,
)
from tests.source import PROJECT

# Stands in for the child's program: reads its length and its mail, then does something else.
ODD = """
import os, signal, socket, struct, sys, time
pipe = socket.socket(fileno=0)
if "mute" in sys.argv: sys.exit(3)
pipe.sendall(struct.pack(">Q", 0x65766572_796D6169))
length = struct.unpack(">Q", pipe.recv(8, socket.MSG_WAITALL))[0]
raw = pipe.recv(length, socket.MSG_WAITALL)
def answer(text, length=None):
    data = text.encode()
    pipe.sendall(struct.pack(">Q", len(data) if length is None else length) + data)
"""


@pytest.fixture
def reader():
    with Reader() as made:
        yield made


def pid_of(reader: Reader) -> int:
    return reader._child.process.pid


def reason_of(reader: Reader, raw: bytes = letter()) -> str:
    with pytest.raises(Unreadable) as caught:
        reader.read(raw)
    return caught.value.reason


@pytest.fixture
def odd_child(monkeypatch, tmp_path):
    """Return what makes the next children run another program."""

    def use(program: str, *arguments: str) -> None:
        path = tmp_path / "odd.py"
        path.write_text(ODD + program)
        start = subprocess.Popen
        monkeypatch.setattr(
            bounded.subprocess,
            "Popen",
            lambda command, **options: start([sys.executable, str(path), *arguments], **options),
        )

    return use


def test_child_reads_the_same_as_we_do(reader):
    picture = part("image/png", b"\0PNG", b"Content-ID: <a@1>")
    raw = posted("related", html('<b>您好</b><img src="cid:a@1">'), picture, plain("x"))
    bounce = report(b"Final-Recipient: rfc822; li@shop.cn\nAction: failed\nStatus: 5.1.1\n", raw)
    dated = letter(b"Hi", b"Date: Mon, 2 Mar 2026 10:00:00 +0800", b"Reply-To: Li <l@shop.cn>")
    checked = letter(
        b"Hi", b"Authentication-Results: mx.acme.cn; dkim=pass header.s=" + b"s" * 15_000
    )
    for mail in (raw, bounce, dated, checked, letter(), b""):
        assert reader.read(mail) == read(mail)


def test_one_child_reads_many_mails_and_is_renewed_now_and_then():
    with Reader(mails_per_child=3) as reader:
        pids = []
        for _ in range(7):
            reader.read(letter())
            pids.append(pid_of(reader))
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_next_mail_is_read_after_the_child_was_killed(reader, number):
    reader.read(letter())
    killed = reader._child.process
    killed.send_signal(number)
    assert os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT) is not None
    assert reader.read(letter()).text == "Where is my order?"
    assert pid_of(reader) != killed.pid


def test_a_mail_whose_child_was_killed_by_others_is_read_by_the_next(reader, monkeypatch):
    started = Reader._started

    def doomed(self):
        monkeypatch.undo()
        child = started(self)
        child.pipe.recv(8, socket.MSG_WAITALL | socket.MSG_PEEK)
        child.process.kill()
        child.process.wait()
        return child

    monkeypatch.setattr(Reader, "_started", doomed)
    assert reader.read(letter()).text == "Where is my order?"


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "crashed"),
        ("os.kill(os.getpid(), signal.SIGPROF)", "too_long"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "too_long"),
        ("sys.exit(3)", "crashed"),
        ("pipe.sendall(b'half')", "crashed"),
        ("answer('not json')", "crashed"),
        ("answer('[' * 100_000)", "crashed"),
        ("answer('[]')", "crashed"),
        ("answer('{}')", "crashed"),
        ("answer('', 1 << 60)", "crashed"),
        ('answer(\'{"blobs": [1e9], "used": [0.1, 1], "mail": {}}\')', "crashed"),
        ('answer(\'{"blobs": [999999999], "used": [0.1, 1], "mail": {}}\')', "crashed"),
        ('answer(\'{"blobs": [-1], "used": [0.1, 1], "mail": {}}\')', "crashed"),
        ('answer(\'{"blobs": [], "used": [0.1, 1], "mail": {"text": "x"}}\')', "crashed"),
        ('answer(\'{"blobs": [], "used": [0.1, 1], "failed": "out_of_memory"}\')', "out_of_memory"),
        (
            'answer(\'{"blobs": [], "used": [0.1, 1], "failed": "<script>", "where": 7}\')',
            "crashed",
        ),
    ],
)
def test_a_child_that_fails_or_lies_costs_one_mail(reader, odd_child, monkeypatch, program, reason):
    odd_child(program)
    assert reason_of(reader) == reason
    assert reader._child is None
    monkeypatch.undo()
    assert reader.read(letter()).text == "Where is my order?"


def test_a_child_that_does_not_start_is_blamed_on_no_mail(reader, odd_child, monkeypatch):
    odd_child("", "mute")
    with pytest.raises(NotStarted, match="status"):
        reader.read(letter())
    assert reader._child is None
    monkeypatch.undo()
    assert reader.read(letter()).text == "Where is my order?"


def test_a_child_that_says_nothing_is_given_up(odd_child):
    odd_child("time.sleep(3600)")
    with Reader(wall_seconds=0.2) as reader:
        assert reason_of(reader) == "too_long"
        assert reader._child is None


def test_a_mail_that_takes_too_long_is_given_up_by_time_of_the_processor():
    with Reader(cpu_seconds=0.001) as reader:
        assert (
            reason_of(reader, letter(b"<b>x</b> &amp; " * 60_000, b"Content-Type: text/html"))
            == "too_long"
        )


def test_a_mail_that_takes_too_much_memory_is_given_up():
    large = letter(b"A" * 76 + b"\n", b"Content-Type: image/png") + b"A" * 20_000_000
    with Reader(memory_bytes=64 * 1024 * 1024) as reader:
        assert reason_of(reader, large) in ("out_of_memory", "crashed")
        assert reader.read(letter()).text == "Where is my order?"
    with Reader() as reader:
        assert reader.read(large).parts


def test_what_is_refused_never_reaches_a_child(reader):
    assert reason_of(reader, many_parts(5_000)) == "too_many_parts"
    assert reader._child is None
    with Reader(largest_bytes=100) as small:
        assert reason_of(small) == "too_large"


def test_an_error_inside_tells_where_and_nothing_of_the_mail(monkeypatch):
    def broken(raw: bytes) -> Mail:
        raise KeyError("secret words of the mail")

    monkeypatch.setattr(child.mail, "read", broken)
    answer, blobs = child._answered(letter())
    assert (answer["failed"], blobs) == ("crashed", [])
    assert answer["where"].startswith("KeyError at ")
    assert "secret" not in str(answer)


def test_child_has_no_secrets_no_sockets_and_no_django(reader, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        os.set_inheritable(server.fileno(), False)
        reader.read(letter())
        process = psutil.Process(pid_of(reader))
        assert "secret" not in str(process.environ())
        assert process.num_fds() == 3
        assert process.net_connections() == []
    command = "import channels_app.mails.reading.child, sys; print('django' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", command], cwd=PROJECT, capture_output=True, check=True
    )
    assert ran.stdout.strip() == b"False"


def test_child_has_given_up_files_and_memory(reader):
    reader.read(letter())
    process = psutil.Process(pid_of(reader))
    assert process.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert process.rlimit(psutil.RLIMIT_AS) == (bounded.MEMORY_BYTES, bounded.MEMORY_BYTES)


def test_closing_leaves_no_process_and_no_file_open():
    before = psutil.Process().num_fds()
    for _ in range(3):
        with Reader() as reader:
            reader.read(letter())
            pid = pid_of(reader)
        assert not psutil.pid_exists(pid)
    assert psutil.Process().num_fds() == before


def test_failing_leaves_no_process_and_no_file_open(odd_child):
    odd_child("sys.exit(3)")
    before, own = psutil.Process().num_fds(), psutil.Process()
    children = len(own.children())
    reader = Reader()
    for _ in range(5):
        assert reason_of(reader) == "crashed"
    assert own.num_fds() == before
    assert len(own.children()) == children


def test_child_ends_when_its_parent_is_killed():
    program = (
        "import os, signal\nfrom channels_app.mails.reading.bounded import Reader\n"
        "reader = Reader()\nreader.read(b'From: a@b.cn\\n\\nHi')\n"
        "print(reader._child.process.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, check=False
    )
    pid = int(ran.stdout)
    assert processes.wait_until(lambda: not _runs(pid), timeout_seconds=10)


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_threads_get_their_own_answers(reader):
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        for _ in range(20):
            answers[number] = reader.read(letter(b"mail %d" % number)).text
            assert answers[number] == f"mail {number}"

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: f"mail {number}" for number in range(4)}


def test_a_fork_starts_a_child_of_its_own(reader):
    reader.read(letter())
    theirs = pid_of(reader)
    reader._child.owner = -1  # as a fork sees it
    reader.read(letter())
    assert pid_of(reader) != theirs
    assert processes.wait_until(lambda: not _runs(theirs), timeout_seconds=10)


def sent(raw: bytes) -> dict[str, object]:
    """Return what goes through the pipe for a mail without files."""
    values, blobs = frames.packed(read(raw))
    answer, sizes = frames.decoded(frames.encoded({"mail": values}, blobs), most_bytes=0)
    assert sizes == []
    return answer["mail"]


def test_no_more_bytes_than_the_mail_can_hold_are_waited_for():
    raw = frames.encoded({}, [b"12345", b"12345"])
    assert frames.decoded(raw, most_bytes=10) == ({}, [5, 5])
    with pytest.raises(frames.BadFrame):
        frames.decoded(raw, most_bytes=9)


def test_lone_surrogates_and_null_bytes_do_not_pass_the_pipe():
    values = sent(letter())
    for evil in ("\ud800", "a\0b", 7, None, ["x"]):
        for name in ("text", "subject", "html", "message_id"):
            assert name in values
            with pytest.raises(frames.BadFrame):
                frames.unpacked({**values, name: evil}, [])


@pytest.mark.parametrize(
    "change",
    [
        {"subject": "two\nlines"},
        {"subject": "x" * 5_000},
        {"sender": ["a@b.cn"]},
        {"sender": "ab"},
        {"to": [["a@b.cn", "A"], 7]},
        {"references": ["x"] * 20_000},
        {"authentication": ["x" * 16_001]},
        {"automatic": "evil"},
        {"date": "2026-03-02T10:00:00"},
        {"date": "soon"},
        {"parts": [["a", "b", "c", False]]},
        {"bounce": {"status": "5.1.1"}},
        {"bounce": 7},
        {"more": 1},
    ],
)
def test_only_a_mail_passes_the_pipe(change):
    values = sent(letter())
    assert frames.unpacked(values, []) == read(letter())
    with pytest.raises(frames.BadFrame):
        frames.unpacked({**values, **change}, [])

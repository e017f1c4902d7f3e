"""Servers on loopback, which an operator has allowed."""

import dataclasses
import ssl
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pytest_django import Settings

from channels_app import egress
from channels_app import mailbox as mailbox_reading
from channels_app.services import ingesting
from tests.channels_app.mail.mails import KEPT, Kept
from tests.mail_servers import ImapServer, SmtpServer, imap_server, smtp_server


@pytest.fixture
def loopback(settings: Settings) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def smtp_desk(loopback: None) -> Iterator[SmtpServer]:
    with smtp_server() as server:
        yield server


@pytest.fixture(scope="session")
def mailboxes() -> Iterator[ImapServer]:
    with imap_server() as server:
        yield server


@pytest.fixture
def mailbox(loopback: None, mailboxes: ImapServer) -> ImapServer:
    """Return a folder that nobody has used."""
    server = dataclasses.replace(mailboxes, folder=f"box-{uuid.uuid4().hex}")
    server.create()
    return server


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Kept]:
    """Return what mailboxes have given to the store, as far as it was new."""
    KEPT.clear()

    def store(door: Any, events: Any, raw: bytes, *, is_backlog: bool = False) -> list[int]:
        new = ingesting.store(door, events, raw, is_backlog=is_backlog)
        (event,) = events
        KEPT.extend(Kept(event.subject, event.error, is_backlog, raw) for _id in new)
        return new

    monkeypatch.setattr(mailbox_reading, "store", store)
    return KEPT


def settings_for(**changes: Any) -> dict[str, Any]:
    """Return the settings of a channel as the form stores them."""
    return {
        "address": "help@ours.example",
        "sender_name_zh": "客服",
        "imap_security": "none",
        "smtp_security": "none",
        "first_import": "new",
        "outgoing": "smtp",
        **changes,
    }


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file with a certificate for localhost, which nobody trusts, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + made.public_bytes(Encoding.PEM)
    )
    return path


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust that certificate, as one of a known authority is."""
    context = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(egress, "tls", lambda: context)

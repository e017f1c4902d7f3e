"""A mobile app as tests play it: its server signs identities, the app itself speaks over the socket."""

import base64
import json
import time
import uuid
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from channels_app.chat.identity import sign_identity
from helpdesk.models import Channel
from helpdesk.services import organizations
from tests.factories import World

SECRET = "the app's server keeps this for itself"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class App:
    """An app in somebody's hand."""

    def __init__(self, public_id, subject="user-7", **claims):
        self.base = f"/api/app/v1/{public_id}"
        self.identity = identity(public_id, subject, **claims)
        self.client = Client()

    def get(self, path, query=None, **headers):
        return self.client.get(f"{self.base}/{path}", query, headers=self.headers(headers))

    def post(self, path, **values):
        return self.client.post(
            f"{self.base}/{path}",
            json.dumps(values),
            content_type="application/json",
            headers=self.headers({}),
        )

    def says(self, text, reference=None, **values):
        return self.post("messages", client_ref=reference or str(uuid.uuid4()), text=text, **values)

    def upload(self, name, content):
        file = SimpleUploadedFile(name, content)
        return self.client.post(f"{self.base}/files", {"file": file}, headers=self.headers({}))

    def headers(self, headers):
        return {"Authorization": f"Bearer {self.identity}", **headers}


def open_app(world: World, *, secrets: dict[str, str] | None = None, **settings: Any) -> Channel:
    """Connect an app."""
    with world.transaction():
        stored = json.dumps({"secret": SECRET, **secrets}) if secrets else SECRET
        return organizations.open_channel(
            Channel(
                kind="app", name=f"App {uuid.uuid4().hex[:6]}", settings=settings, secret=stored
            )
        )


def identity(public_id: str, subject: str = "user-7", secret: str = SECRET, **claims: Any) -> str:
    """Return what the app's server gives to one of its users."""
    known = {"sub": subject, "aud": public_id, "exp": time.time() + 600, "name": f"Fang {subject}"}
    return sign_identity({**known, **claims}, secret)


def signed_by(key: PrivateKey, claims: dict[str, Any], **header: Any) -> str:
    """Return a token signed with a private key, as any library for tokens would."""
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    head = _encoded(json.dumps({"alg": algorithm, "typ": "JWT", **header}).encode())
    signed = f"{head}.{_encoded(json.dumps(claims).encode())}"
    if isinstance(key, rsa.RSAPrivateKey):
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    else:
        der = key.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
        signature = b"".join(part.to_bytes(32) for part in decode_dss_signature(der))
    return f"{signed}.{_encoded(signature)}"


def public_pem(key: PrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

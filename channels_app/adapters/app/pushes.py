"""Push services: Firebase Cloud Messaging, and any other system by a signed call.

https://firebase.google.com/docs/cloud-messaging/send/v1-api
"""

import base64
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.utils import timezone
from django.utils.translation import gettext as _

from channels_app import access_tokens, calling, http, signatures
from channels_app.access_tokens import TokenRefused
from channels_app.json_fields import read_object
from channels_app.outbound import Push
from channels_app.protocol import BadPayload, ChannelConfig, SendError

FCM, WEBHOOK = "fcm", "webhook"
FCM_URL = "https://fcm.googleapis.com"
TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105  (an address)
_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTED_FOR = 3600
# The device has no such app any more, or the token belongs to another project.
_GONE = frozenset({"UNREGISTERED", "SENDER_ID_MISMATCH"})


def services_of(config: ChannelConfig) -> frozenset[str]:
    """Return the services that are connected."""
    found = set()
    if config.named_secrets.get("fcm_service_account"):
        found.add(FCM)
    if config.text("push_url") and config.named_secrets.get("push_secret"):
        found.add(WEBHOOK)
    return frozenset(found)


def send(config: ChannelConfig, push: Push, reference: str) -> None:
    """Hand a push to its service. Raises SendError, of kind "blocked" when nobody is behind the token."""
    if push.service not in services_of(config):
        raise SendError(_("This push service is not connected."), kind="undeliverable")
    if push.service == FCM:
        _send_fcm(config, push)
    else:
        _post(config, push, reference)


def check_account(config: ChannelConfig) -> None:
    """Raise SendError unless the service account, if there is one, can be used."""
    if config.named_secrets.get("fcm_service_account"):
        _account(config)


def _send_fcm(config: ChannelConfig, push: Push) -> None:
    project, _email, _key = _account(config)
    url = f"{config.address('fcm_url', FCM_URL)}/v1/projects/{project}/messages:send"
    body = json.dumps({"message": _fcm_message(push)}, ensure_ascii=False).encode(
        "utf-8", "replace"
    )

    def post(token: str) -> None:
        _settle_fcm(calling.exchange("POST", url, body=body, headers=calling.bearer(token)))

    access_tokens.with_token(config, lambda: _fetch(config), post)


def _settle_fcm(reply: http.Reply) -> None:
    """Raise SendError unless Firebase took the push."""
    if 200 <= reply.status < 300:
        return
    if reply.status == 401:
        raise TokenRefused(_("Google does not accept the service account."))
    if reply.status == 404 or _code(reply) in _GONE:
        raise SendError(_("The device has no such app any more."), kind="blocked")
    raise calling.refusal(reply)


def _fcm_message(push: Push) -> dict[str, Any]:
    tag = f"everydesk-{push.conversation_id}"
    return {
        "token": push.token,
        "notification": {"title": push.title, "body": push.text},
        # What comes later of the same conversation takes the place of what came before.
        "android": {"collapse_key": tag, "notification": {"tag": tag}},
        "apns": {"headers": {"apns-collapse-id": tag}},
        "data": {"conversation": str(push.conversation_id), "number": str(push.number)},
    }


def _post(config: ChannelConfig, push: Push, reference: str) -> None:
    now = timezone.now()
    data = {
        "token": push.token,
        "language": push.language,
        "app_version": push.app_version,
        "title": push.title,
        "text": push.text,
        "conversation": push.conversation_id,
        "number": push.number,
        "channel": config.public_id,
    }
    told = {"type": "push.wanted", "timestamp": now.isoformat(), "data": data}
    body = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
    stored = (config.named_secrets, config.named_before)
    secrets = [each for known in stored if (each := known.get("push_secret", ""))]
    headers = signatures.signed_headers(reference, body, secrets=secrets, at=now)
    # Whoever answers with 410 has nobody behind the token any more.
    calling.post(config.text("push_url"), body, headers)


def _fetch(config: ChannelConfig) -> tuple[str, timedelta]:
    """Ask for an access token, vouched for with the key of the service account. Raises SendError."""
    _project, email, key = _account(config)
    url = config.address("fcm_token_url", TOKEN_URL)
    now = int(timezone.now().timestamp())
    claims = {
        "iss": email,
        "scope": _SCOPE,
        "aud": TOKEN_URL,
        "iat": now,
        "exp": now + _ASSERTED_FOR,
    }
    form = urlencode({"grant_type": _GRANT, "assertion": _assertion(claims, key)}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    reply = calling.exchange("POST", url, body=form, headers=headers)
    if reply.status in {400, 401, 403}:
        raise SendError(_("Google does not accept the service account."), kind="auth")
    if reply.status != 200:
        raise calling.refusal(reply)
    try:
        answer = read_object(reply.content)
        return answer.text("access_token", 4096), timedelta(
            seconds=answer.number("expires_in") or 60
        )
    except BadPayload as error:
        raise SendError(_("What answers there is not Google."), kind="auth") from error


def _account(config: ChannelConfig) -> tuple[str, str, rsa.RSAPrivateKey]:
    """Return project, address and key of the service account. Raises SendError."""
    try:
        stored = read_object(config.named_secrets.get("fcm_service_account", "").encode())
        project, email = stored.identifier("project_id"), stored.line("client_email", 320)
        pem = stored.text("private_key", 4000)
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (BadPayload, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SendError(_("The service account cannot be read."), kind="auth") from error
    if not project or not email or not isinstance(key, rsa.RSAPrivateKey):
        raise SendError(_("The service account cannot be read."), kind="auth")
    return project, email, key


def _assertion(claims: Mapping[str, object], key: rsa.RSAPrivateKey) -> str:
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    signed = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _code(reply: http.Reply) -> str:
    """Return the code that says most in a refusal; empty where there is none."""
    try:
        details = read_object(reply.content).fields("error").each("details", 20)
        return next((code for each in details if (code := each.line("errorCode", 60))), "")
    except BadPayload:
        return ""

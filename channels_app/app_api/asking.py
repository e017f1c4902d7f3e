"""Who asks: the app's own channel, a request that is signed where that is asked for, a customer who is vouched for."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from channels_app import limits
from channels_app.chat import signing
from channels_app.protocol import BadSignature
from channels_app.services import visiting
from channels_app.services.doors import APP, Door, find_door
from channels_app.services.visiting import Visitor
from helpdesk.errors import HelpdeskError

logger = logging.getLogger(__name__)


class NotKnown(HelpdeskError):
    """Whoever asks is not taken for anybody; the code says what to do about it."""

    status = 401

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__()


@dataclass(frozen=True, slots=True)
class Request:
    """What is known of a request before it is known who asks; names of headers in lower case."""

    method: str
    path: str  # with its query
    headers: Mapping[str, str]
    address: str
    body: bytes = b""

    @property
    def language(self) -> str:
        """Return the language that the app asks for, ours unless it is English."""
        return "en" if self.headers.get("accept-language", "").lower().startswith("en") else "zh"


@dataclass(frozen=True, slots=True)
class Caller:
    """A customer whom the app's server vouches for."""

    door: Door
    visitor: Visitor
    address: str

    def spend(self, what: str, most: tuple[int, int]) -> None:
        """Count one act of the customer. Raises TooMany."""
        limits.spend(
            what,
            most,
            who=visiting.fingerprint(self.visitor.external_id),
            address=self.address,
            public_id=self.door.public_id,
        )


def caller_of(public_id: str, request: Request) -> Caller:
    """Return who asks; the request has been counted then. Raises NotFound, TooMany, NotKnown."""
    door = find_door(public_id, kind=APP)
    token = _token(request)
    who = visiting.fingerprint(token[-64:] or request.address)
    limits.spend("app", limits.REQUESTS, who=who, address=request.address, public_id=door.public_id)
    try:
        visitor = visiting.recognise(door, identity=token, language=request.language)
    except BadSignature as error:
        raise NotKnown(visiting.refusal_code(door, error, bool(token))) from error
    return Caller(door, visitor, request.address)


def require_signature(caller: Caller, request: Request) -> None:
    """Raise NotKnown for a request that is not signed, where the channel asks for that."""
    try:
        signing.verify(
            caller.door,
            method=request.method,
            path=request.path,
            headers=request.headers,
            body=request.body,
        )
    except BadSignature as error:
        logger.warning("A request of an app was not signed by it")
        raise NotKnown("signature_refused") from error


def _token(request: Request) -> str:
    scheme, _space, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""

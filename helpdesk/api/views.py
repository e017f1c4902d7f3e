"""What every REST view has in common: language, scope, one transaction for a read, bounded bodies."""

import hashlib
import json
from collections.abc import Callable
from typing import Any, ClassVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from helpdesk.access import Access
from helpdesk.api.authentication import READS, credential_of, find_organization
from helpdesk.api.problems import DATABASE_AWAY, ReusedKey, handle
from helpdesk.errors import Invalid, TooLarge
from helpdesk.services import idempotency
from helpdesk.tenancy import organization_scope, organization_transaction

PAGING = {"limit", "cursor"}


class ApiView(GenericViewSet[Any]):  # Any: whichever model it shows
    """A resource of the organization that the call's token belongs to."""

    model: ClassVar[type[Model]]
    # The scope each action needs.
    scopes: ClassVar[dict[str, str]] = {}
    metadata_class = None

    @property
    def access(self) -> Access:
        """Return what the token's person may do."""
        return credential_of(self.request).access

    def rows(self) -> QuerySet[Any]:
        """Return the rows the caller may see."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        """Return the rows the caller may see, or none while the schema is written."""
        if getattr(self, "swagger_fake_view", False):
            return self.model._default_manager.none()
        return self.rows()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer within the token's organization; a read is one transaction, rendering included."""
        with translation.override(translation.get_language_from_request(request)):
            try:
                response = self._dispatch(request, *args, **kwargs)
            except DATABASE_AWAY as error:
                response = handle(error, {})
        response["Cache-Control"] = "private, no-store"
        patch_vary_headers(response, ["Authorization", "Accept-Language"])
        return response

    def _dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        organization_id = find_organization(request)
        if organization_id is None:
            return _rendered(super().dispatch(request, *args, **kwargs))
        if request.method in READS:
            with organization_transaction(organization_id):
                return _rendered(super().dispatch(request, *args, **kwargs))
        with organization_scope(organization_id):
            return _rendered(super().dispatch(request, *args, **kwargs))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse large bodies and unknown parameters once the caller is known."""
        super().initial(request, *args, **kwargs)
        if len(request._request.body) > settings.API_BODY_BYTES:
            raise TooLarge(_("The body is larger than allowed."))
        unknown = sorted(set(request.query_params) - self._parameters())
        if unknown:
            raise Invalid(_("This parameter is not known."), field=unknown[0][:40])

    def _parameters(self) -> set[str]:
        if self.action != "list":
            return set()
        filters = getattr(self, "filterset_class", None)
        return PAGING | set(filters.base_filters if filters else ())

    def answer_once(self, write: Callable[[], Any]) -> Response:  # Any: what a serializer gives
        """Return 201 with what `write` gives; a call repeated under its key gets the first answer.

        Key, effect and answer are one transaction: a second call under the same key waits for the first.
        """
        key = self.request.headers.get("Idempotency-Key")
        token_id = credential_of(self.request).token_id
        with organization_transaction():
            if key is None:
                return Response(write(), status=201)
            first = idempotency.claim(token_id, key, self._fingerprint())
            if first is not None:
                if not first.is_same_call:
                    raise ReusedKey(_("This idempotency key was used for another call."))
                return Response(
                    first.body, status=first.status, headers={"Idempotent-Replayed": "true"}
                )
            body = json.loads(JSONRenderer().render(write()))
            idempotency.settle(token_id, key, status=201, body=body)
            return Response(body, status=201)

    def _fingerprint(self) -> str:
        content = json.dumps(self.request.data, sort_keys=True)
        call = f"{self.request.method} {self.request.path}\n{content}"
        return hashlib.sha256(call.encode()).hexdigest()


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    if isinstance(response, Response):
        response.render()
    return response

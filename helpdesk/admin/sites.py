"""The two sites: an organization's administrators see their organization, the platform's what is global.

Both answer under the app name `admin`, because Unfold's templates ask for it, as different instances.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import update_wrapper
from typing import Any, cast

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_protect
from unfold.sites import UnfoldAdminSite

from helpdesk.admin.base import access_of
from helpdesk.admin.reading import with_words
from helpdesk.errors import HelpdeskError
from helpdesk.reports import administration, platform
from helpdesk.tenancy import organization_transaction, platform_transaction

# Unfold's Alpine evaluates its attributes, and sizes a bar by a style attribute. Nothing else is looser
# than on the portal: scripts and style sheets come from here only, and no script stands in a page.
POLICY: dict[str, Any] = {  # Any: django-csp's own shape
    "default-src": [NONE],
    "script-src": [SELF, UNSAFE_EVAL],
    "script-src-attr": [NONE],
    "style-src": [SELF],
    "style-src-attr": [UNSAFE_INLINE],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    # Unfold opens related objects in a window of its own, never in a frame.
    "frame-ancestors": [NONE],
}
SEARCH_LIMIT = 20

View = Callable[..., HttpResponse]


class EverydeskSite(UnfoldAdminSite):  # type: ignore[misc]  # Unfold ships no types
    """What both sites share: who gets in, one transaction for each request, the content policy."""

    enable_nav_sidebar = True

    @property
    def urls(self) -> tuple[list[URLPattern], str, str]:
        return self.get_urls(), "admin", self.name

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Return the view behind this site's door."""

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not self.has_permission(request):
                return self.turn_away(request)
            if "%00" in request.META["QUERY_STRING"]:  # the database knows no such character
                raise Http404
            request.current_app = self.name
            response = self._answer(view, request, args, kwargs)
            response._csp_replace = POLICY  # type: ignore[attr-defined]  # what django-csp's decorator sets
            if not cacheable:
                add_never_cache_headers(response)
            return response

        return update_wrapper(csrf_protect(inner), view)

    def turn_away(self, request: HttpRequest) -> HttpResponse:
        """Lead to the sign-in page who has not signed in; there is nothing here for anybody else."""
        if request.user.is_authenticated:
            raise Http404
        return redirect_to_login(request.get_full_path(), reverse("portal:sign-in"))

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Lead to the portal's sign-in page: there is one way in."""
        if self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        return self.turn_away(request)

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Sign out and lead to the sign-in page."""
        if request.method == "POST":
            logout(request)
        return HttpResponseRedirect(reverse("portal:sign-in"))

    def password_change(
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponseRedirect:
        """Lead to the portal's page: there is one way to change a password."""
        return HttpResponseRedirect(reverse("portal:password"))

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        # The colours stand in a style sheet: the content policy allows no style element.
        context = super().each_context(request)
        return {**context, "colors": None, "redirect_to": request.get_full_path()}

    def search(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Find pages and rows by name; never cached, since rights and organizations differ by request."""
        term = request.GET.get("s", "").strip().lower()
        if not term:
            return HttpResponse()
        extended = "extended" in request.GET
        apps = self.get_app_list(request)
        results = self._search_apps(apps, term)
        if extended:
            shown = [
                model._meta.label
                for model, page in self._registry.items()
                if getattr(page, "found_by_search", True)
            ]
            results += self._search_models(request, self.get_app_list(request), term, shown)
        pages = Paginator(results, SEARCH_LIMIT)
        name = "command_results" if extended else "search_results"
        context = {
            "page_obj": pages,
            "results": pages.get_page(request.GET.get("page")),
            "page_counter": 0,
            "execution_time": 0,
            "command_show_history": False,
        }
        return TemplateResponse(
            request, f"unfold/helpers/{name}.html", context, headers={"HX-Trigger": "search"}
        )

    def _answer(
        self, view: View, request: HttpRequest, args: Any, kwargs: dict[str, Any]
    ) -> HttpResponse:
        try:
            if getattr(view, "opens_own_transactions", False):
                return view(request, *args, **kwargs)
            with self.transaction(request):
                response = view(request, *args, **kwargs)
                if isinstance(response, SimpleTemplateResponse):
                    response.render()
                return response
        except PermissionDenied as error:
            # What a page does not offer is answered like what is not there.
            raise Http404 from error
        except HelpdeskError as error:
            if error.status == 404 or request.method != "POST":
                raise
            messages.error(request, str(error.message))
            return HttpResponseRedirect(request.get_full_path())

    def transaction(self, request: HttpRequest) -> AbstractContextManager[None]:
        """Open the transaction that one request runs in."""
        raise NotImplementedError


class OrganizationSite(EverydeskSite):
    """For the administrators of the organization in scope."""

    site_title = index_title = _("Administration")
    settings_name = "UNFOLD_ORGANIZATION"

    def has_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person administers the organization."""
        access = getattr(request, "access", None)
        return bool(access and access.is_administrator)

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        """Show how much there is, and what needs a hand."""
        shown = {
            "counts": administration.counts(),
            "concerns": administration.concerns(),
            "notices": administration.notices(access_of(request)),
            "changes": with_words(administration.newest_changes()),
        }
        return cast(TemplateResponse, super().index(request, shown))

    def transaction(self, request: HttpRequest) -> AbstractContextManager[None]:
        return organization_transaction()


class PlatformSite(EverydeskSite):
    """For those who run the installation; shows nothing of what organizations hold."""

    site_title = index_title = _("Platform")
    settings_name = "UNFOLD_PLATFORM"

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        """Show how much there is, what needs a hand, and what was done last."""
        shown = {
            "counts": platform.counts(),
            "concerns": platform.concerns(),
            "changes": with_words(platform.newest_changes()),
        }
        return cast(TemplateResponse, super().index(request, shown))

    def has_permission(self, request: HttpRequest) -> bool:
        """Tell whether the person runs the installation."""
        user = request.user
        return bool(user.is_active and user.is_staff and user.is_superuser)

    def transaction(self, request: HttpRequest) -> AbstractContextManager[None]:
        return platform_transaction()


organization_site = OrganizationSite(name="organization_admin")
platform_site = PlatformSite(name="platform_admin")

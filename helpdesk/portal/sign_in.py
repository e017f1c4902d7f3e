"""Signing in and out, and choosing the organization to work for."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from helpdesk.crypto import token_hash
from helpdesk.models import User
from helpdesk.portal.middleware import SESSION_KEY
from helpdesk.tenancy import memberships

# Tells a browser in which somebody has signed in from those of strangers.
KNOWN_BROWSER = "everydesk_browser"
KNOWN_BROWSER_SECONDS = 180 * 24 * 3600


class SignInForm(forms.Form):
    """Mail address and password; wrong and unknown get the same words."""

    username = forms.EmailField(
        max_length=254,
        error_messages={
            "required": _("Please enter your mail address."),
            "invalid": _("This does not look like a mail address."),
        },
    )
    password = forms.CharField(
        max_length=200, strip=False, error_messages={"required": _("Please enter your password.")}
    )

    def __init__(self, request: HttpRequest, *args: Any) -> None:  # Any: Django's own signature
        super().__init__(*args)
        self.request = request
        self.user: User | None = None

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        data = super().clean() or {}
        if data.get("username") and data.get("password"):
            user = authenticate(
                self.request, username=data["username"].lower(), password=data["password"]
            )
            if user is None:
                raise forms.ValidationError(_("Mail address or password is not right."))
            self.user = user
        return data


@sensitive_post_parameters("password")
@csrf_protect
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """Show the sign-in page, and let in whom the form accepts."""
    if request.method != "POST":
        if request.user.is_authenticated:
            return redirect(_next_page(request))
        return _page(request, SignInForm(request))
    form = SignInForm(request, request.POST)
    if not form.is_valid() or form.user is None:
        return _page(request, form, status=422)
    target = _next_page(request)
    chosen = request.session.get("language", "")
    login(request, form.user)
    if chosen:
        _speak(form.user, chosen)
    organizations = memberships(form.user.pk)
    if organizations:
        request.session[SESSION_KEY] = organizations[0][0]
    elif form.user.is_staff:
        target = "/platform/"
    response = redirect(target)
    remember_browser(response, form.user)
    return response


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("portal:sign-in")


@require_POST
def switch_organization(request: HttpRequest) -> HttpResponse:
    """Work for another organization that this person belongs to."""
    wanted = request.POST.get("organization", "")
    mine = (
        {str(row[0]) for row in memberships(request.user.pk)}
        if request.user.is_authenticated
        else set()
    )
    if wanted in mine:
        request.session[SESSION_KEY] = int(wanted)
        request.session.cycle_key()
    return redirect("portal:workspace")


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Speak another language from now on: for this person, or for this browser before signing in."""
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        request.session["language"] = language
        if request.user.is_authenticated:
            _speak(request.user, language)
    return redirect(_next_page(request))


def _speak(user: User, language: str) -> None:
    user.language = language
    user.save(update_fields=["language"])


def remember_browser(response: HttpResponse, user: User) -> None:
    """Let this browser be known as one in which the person has signed in."""
    response.set_signed_cookie(
        KNOWN_BROWSER,
        _known_as(user),
        salt=KNOWN_BROWSER,
        max_age=KNOWN_BROWSER_SECONDS,
        path=reverse("portal:sign-in"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def lockout_parameters(
    request: Any, credentials: dict[str, str] | None = None
) -> list[str | list[str]]:  # Any: a request, or one of Axes' rows
    """Return how failures are counted: by account and address, by strangers' browsers over all addresses too.

    Many addresses share one limit that way, and the person whose account they try still comes in
    with a browser that is known.
    """
    own: list[str | list[str]] = [["username", "ip_address"]]
    if isinstance(request, HttpRequest) and _is_known_browser(request, credentials):
        return own
    return [*own, "username"]


def _is_known_browser(request: HttpRequest, credentials: dict[str, str] | None) -> bool:
    known = request.get_signed_cookie(
        KNOWN_BROWSER, default="", salt=KNOWN_BROWSER, max_age=KNOWN_BROWSER_SECONDS
    )
    if not known:
        return False
    name = (credentials or {}).get("username") or request.POST.get("username", "")
    user = User.objects.filter(email=name.strip().lower()).first()
    return user is not None and constant_time_compare(known, _known_as(user))


def _known_as(user: User) -> str:
    """Return what a browser is known by; a new password makes it a stranger's again."""
    return token_hash(f"{user.pk}:{user.get_session_auth_hash()}")[:32]


def locked_out(request: HttpRequest, credentials: dict[str, str] | None = None) -> HttpResponse:
    """Answer somebody who tried too often; the same for addresses that exist and those that do not."""
    return _page(
        request,
        SignInForm(request, {"username": request.POST.get("username", ""), "password": ""}),
        status=429,
        locked=True,
    )


def _page(
    request: HttpRequest, form: SignInForm, *, status: int = 200, locked: bool = False
) -> HttpResponse:
    context = {
        "form": form,
        "locked": locked,
        "next": request.POST.get("next") or request.GET.get("next", ""),
    }
    response = render(request, "portal/sign_in.html", context, status=status)
    if locked:
        response["Retry-After"] = str(int(settings.AXES_COOLOFF_TIME * 3600))
    return response


def _next_page(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return wanted
    return reverse("portal:workspace")

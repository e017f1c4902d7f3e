"""Choosing a new password: by link for who was invited, by the old one for everybody else."""

from django.contrib import messages
from django.contrib.auth import authenticate, login, password_validation, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.encoding import force_str
from django.utils.http import urlsafe_base64_decode
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from helpdesk.errors import NotFound
from helpdesk.models import User
from helpdesk.portal.middleware import SESSION_KEY
from helpdesk.portal.sign_in import remember_browser
from helpdesk.services import sessions
from helpdesk.tenancy import memberships


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest, user_id: str, token: str) -> HttpResponse:
    """Let somebody who was invited set their password, once."""
    user = _invited(user_id, token)
    error = _set_password(request, user) if request.method == "POST" else ""
    if request.method == "POST" and not error:
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        request.session[SESSION_KEY] = next((row[0] for row in memberships(user.pk)), None)
        response = redirect("portal:workspace")
        remember_browser(response, user)
        return response
    context = {"invited": user, "error": error}
    return render(request, "portal/welcome.html", context, status=422 if error else 200)


@sensitive_post_parameters("old", "password")
@login_required
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """Let somebody who knows their password choose another one; their other sessions end."""
    user = User.objects.get(pk=request.user.pk or 0)
    errors = {}
    if request.method == "POST":
        # Tried as a sign-in, so that guessing is limited here too.
        if authenticate(request, username=user.email, password=request.POST.get("old", "")) is None:
            errors["old"] = _("This is not your password.")
        else:
            errors["password"] = _set_password(request, user)
    if request.method == "POST" and not any(errors.values()):
        update_session_auth_hash(request, user)
        sessions.end_all(user.pk, but=request.session.session_key)
        messages.success(
            request, _("Your password is changed. You are signed out everywhere else.")
        )
        response = redirect("portal:profile")
        remember_browser(response, user)
        return response
    status = 422 if any(errors.values()) else 200
    return render(request, "portal/password.html", {"errors": errors}, status=status)


def _set_password(request: HttpRequest, user: User) -> str:
    """Set the password that was typed; returns why not."""
    password = request.POST.get("password", "")
    try:
        password_validation.validate_password(password, user)
    except ValidationError as refused:
        return " ".join(refused.messages)
    user.set_password(password)
    user.save(update_fields=["password"])
    return ""


def _invited(user_id: str, token: str) -> User:
    try:
        user = User.objects.filter(pk=int(force_str(urlsafe_base64_decode(user_id)))).first()
    except (ValueError, OverflowError):
        user = None
    if (
        user is None
        or not user.is_active
        or user.has_usable_password()
        or not default_token_generator.check_token(user, token)
    ):
        raise NotFound
    return user

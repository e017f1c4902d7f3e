"""What the pages ask of the demo."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from channels_app.demo.visitors import send_test_customer
from helpdesk.portal.pages import access_of, staff_only


@require_POST
@staff_only
def test_customer(request: HttpRequest) -> HttpResponse:
    """Send a test customer and go where the question arrives."""
    send_test_customer(access_of(request))
    return redirect("portal:workspace")

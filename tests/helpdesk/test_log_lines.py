"""What the processes write down."""

import io
import logging

import pytest
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from helpdesk.log_lines import Formatter
from helpdesk.models import User
from tests.factories import World


@pytest.fixture
def log() -> io.StringIO:
    """Return what the handler of every process writes."""
    [handler] = [
        each
        for each in logging.getLogger().handlers
        if isinstance(each, logging.StreamHandler) and isinstance(each.formatter, Formatter)
    ]
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


def test_an_invitation_that_may_still_be_used_is_in_no_line(world: World, log: io.StringIO) -> None:
    invited = User.objects.create(email="new@acme.example")
    invited.set_unusable_password()
    invited.save()
    token = default_token_generator.make_token(invited)
    name = urlsafe_base64_encode(force_bytes(invited.pk))
    answer = Client().post(f"/welcome/{name}/{token}/", {"password": "short"})
    assert answer.status_code == 422
    assert "/welcome/…" in log.getvalue()
    assert token not in log.getvalue()


def test_the_trace_below_a_line_is_cut_too(log: io.StringIO) -> None:
    try:
        raise RuntimeError("At /welcome/MQ/secret-of-the-link/?next=1")
    except RuntimeError:
        logging.getLogger("anywhere").exception("Failed: %s", "/welcome/MQ/secret-of-the-link/")
    assert log.getvalue().count("/welcome/…") == 3  # of them the line of code
    assert "secret-of-the-link" not in log.getvalue()

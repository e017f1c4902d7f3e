"""Calls made again, calls made too often, and how the API says no."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import redis
from django.db import OperationalError, connections
from django.utils import timezone

from helpdesk import counting
from helpdesk.models import Customer, IdempotencyKey
from helpdesk.services import idempotency
from tests.helpdesk.api.conftest import caller

KEY = {"Idempotency-Key": "order-4711"}


@pytest.fixture
def bob(world):
    return caller(world, "bob")


def customers(world):
    with world.transaction():
        return Customer.objects.count()


def test_the_same_call_again_gets_the_same_answer(world, bob):
    first = bob.post("customers/", {"name": "Ada", "tags": ["a"]}, **KEY)
    again = bob.post("customers/", {"tags": ["a"], "name": "Ada"}, **KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.body == first.body
    assert again["Idempotent-Replayed"] == "true"
    assert customers(world) == 1


def test_another_body_under_the_same_key_is_refused(world, bob):
    bob.post("customers/", {"name": "Ada"}, **KEY)
    answer = bob.post("customers/", {"name": "Eve"}, **KEY)
    assert answer.status_code == 422
    assert answer.body["code"] == "idempotency_key_reused"
    assert customers(world) == 1


def test_keys_of_two_tokens_do_not_meet(world, bob):
    bob.post("customers/", {"name": "Ada"}, **KEY)
    assert caller(world, "bob").post("customers/", {"name": "Eve"}, **KEY).status_code == 201


def test_a_refused_call_does_not_use_up_its_key(world, bob):
    assert bob.post("customers/", {"external_id": "x" * 81}, **KEY).status_code == 400
    assert bob.post("customers/", {"external_id": "x"}, **KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 81, "a b"])
def test_a_key_must_be_short_and_visible(bob, key):
    answer = bob.post("customers/", {"name": "Ada"}, **{"Idempotency-Key": key})
    assert answer.status_code == 400
    assert answer.body["errors"][0]["field"] == "Idempotency-Key"


def test_calls_at_the_same_moment_have_one_effect(world):
    def post(_number):
        try:
            answer = caller_at_once.post("customers/", {"name": "Ada"}, **KEY)
            return answer.status_code, json.dumps(answer.body, sort_keys=True)
        finally:
            connections.close_all()

    caller_at_once = caller(world, "bob")
    with ThreadPoolExecutor(max_workers=6) as pool:
        answers = set(pool.map(post, range(6)))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 201
    assert customers(world) == 1


def test_keys_are_forgotten_after_a_day(world, bob):
    bob.post("customers/", {"name": "Ada"}, **KEY)
    with world.transaction():
        assert idempotency.forget_old(timezone.now()) == 0
        assert idempotency.forget_old(timezone.now() + timedelta(days=1, minutes=1)) == 1
        assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize("is_redis_away", [False, True])
def test_too_many_calls_are_refused_for_a_while(world, bob, settings, monkeypatch, is_redis_away):
    def refuse():
        raise redis.ConnectionError

    if is_redis_away:
        monkeypatch.setattr(counting, "_broker", refuse)
    monkeypatch.setattr(counting, "_redis_paused_until", 0.0)
    settings.API_CALLS_PER_MINUTE = 3
    monkeypatch.setattr(counting.time, "time", lambda: 1_000_000_000.0)
    answers = [bob.get("staff/") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 60
    assert answers[-1].body["code"] == "too_many"
    assert caller(world, "carol").get("staff/").status_code == 200
    monkeypatch.setattr(counting.time, "time", lambda: 1_000_000_060.0)
    assert bob.get("staff/").status_code == 200


@pytest.fixture(autouse=True)
def fresh_counts():
    counting._broker().delete(*(counting._broker().keys("everydesk:*:calls:*") or ["none"]))
    counting._local.clear()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "customers/999999/", 404),
        ("GET", "nonsense/", 404),
        ("GET", "customers/1e3/", 404),
        ("GET", "customers/99999999999999999999999999/", 404),
        ("DELETE", "customers/1/", 405),
        ("OPTIONS", "customers/", 405),
        ("PUT", "customers/1/", 405),
        ("POST", "customers/", 400),
    ],
)
def test_every_refusal_is_a_problem(bob, settings, method, path, status):
    answer = bob(method, path, {"nonsense": 1} if method == "POST" else None)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "code", "detail"} <= set(answer.body)
    assert answer.body["status"] == status
    kind = answer.body["type"].removeprefix(settings.PUBLIC_URL)
    if status == 404:
        assert answer.body["code"] in bob.client.get(kind).content.decode()


def test_a_refusal_reads_in_the_language_asked_for(bob):
    english = bob.get("customers/999999/", **{"Accept-Language": "en"})
    chinese = bob.get("customers/999999/", **{"Accept-Language": "zh-CN,zh;q=0.9"})
    assert english.body["code"] == chinese.body["code"] == "not_found"
    assert english.body["detail"].isascii()
    assert not chinese.body["detail"].isascii()


def test_another_media_type_is_refused(bob):
    answer = bob.client.post(
        "/api/v1/customers/",
        "<customer/>",
        content_type="application/xml",
        headers={"Authorization": f"Bearer {bob.token}"},
    )
    assert answer.status_code == 415
    assert answer["Content-Type"] == "application/problem+json"


def test_answers_are_kept_by_no_cache(bob):
    for path in ("staff/", "customers/999999/"):
        answer = bob.get(path)
        assert answer["Cache-Control"] == "private, no-store"
        assert "Authorization" in answer["Vary"]


def test_without_the_database_a_call_is_told_to_come_back(bob, monkeypatch):
    def away(*args):
        raise OperationalError

    monkeypatch.setattr("helpdesk.api.views.find_organization", away)
    answer = bob.get("staff/")
    assert answer.status_code == 503
    assert answer["Retry-After"]


def test_what_nobody_foresaw_says_nothing_of_the_inside(bob, monkeypatch):
    def broken(*args):
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr("helpdesk.api.people.Colleagues.rows", broken)
    answer = bob.get("staff/")
    assert answer.status_code == 500
    assert "secret" not in str(answer.body)

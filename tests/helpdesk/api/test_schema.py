"""The description of the API: complete, valid, and shown without any other host."""

import re
from io import StringIO

import pytest
import yaml
from django.core.management import call_command

from helpdesk.api.urls import urlpatterns


def make_schema(language="en"):
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", "--lang", language, stdout=out)
    return yaml.safe_load(out.getvalue())


@pytest.fixture(scope="module")
def schema():
    return make_schema()


def descriptions(part):
    """Yield every description in a part of the schema."""
    if isinstance(part, dict):
        for name, inner in part.items():
            if name == "description" and isinstance(inner, str) and inner:
                yield inner
            else:
                yield from descriptions(inner)
    if isinstance(part, list):
        for inner in part:
            yield from descriptions(inner)


def test_all_that_the_schema_says_is_in_the_readers_language(schema):
    chinese = set(descriptions(make_schema("zh-hans")))
    assert [text for text in chinese if not re.search("[\u4e00-\u9fff]", text)] == []
    english = set(descriptions(schema))
    assert [text for text in english if re.search("[\u4e00-\u9fff]", text)] == []
    assert len(english) == len(chinese) > 20


def test_the_schema_names_every_address(schema):
    ours = {
        "/api/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        for pattern in urlpatterns
        if str(pattern.pattern).startswith("v1/")
    }
    assert ours == set(schema["paths"])


def test_every_operation_needs_a_token(schema):
    operations = [operation for path in schema["paths"].values() for operation in path.values()]
    assert all(operation["security"] == [{"token": []}] for operation in operations)


def test_every_operation_names_its_problems(schema):
    for path in schema["paths"].values():
        for operation in path.values():
            assert {"401", "403", "404", "429"} <= set(operation["responses"])
            assert "application/problem+json" in operation["responses"]["404"]["content"]


def test_every_post_offers_an_idempotency_key(schema):
    for path in schema["paths"].values():
        if "post" in path:
            names = [parameter["name"] for parameter in path["post"]["parameters"]]
            assert "Idempotency-Key" in names


def test_schema_and_page_are_served_to_everybody(client, db):
    assert client.get("/api/schema/").status_code == 200
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert "unsafe" not in page["Content-Security-Policy"]
    assert not re.search(r"(src|href)=\"(https?:)?//", page.content.decode())

"""Holds the shape of the code: direction of imports, size, names, and what templates may not do."""

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from helpdesk.events import subscriptions
from tests import source
from tests.source import APPS, PACKAGES, PROJECT, place, python_files

MODULE_LINES = 400
FUNCTION_LINES = 40
TEMPLATE_COLUMNS = 200  # a sentence to translate stays on one line
# Names that say nothing about what is inside, and one that belongs to the app.
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
# Where a call without a CSRF token is meant: the caller signs its body or carries a token of its own.
WITHOUT_CSRF = {
    "channels_app/webhooks.py",
    "channels_app/app_api/views.py",
    "channels_app/widget.py",
    "channels_app/contact/pages.py",
}


def test_imports_point_downwards():
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    lint = [sys.executable, "-c", command, "--no-cache"]
    linted = subprocess.run(lint, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def test_modules_stay_short():
    long = {
        place(path): count
        for path in python_files(*PACKAGES, "tests")
        if (count := len(source.text(path).splitlines())) >= MODULE_LINES
    }
    assert not long


def test_templates_are_laid_out_for_their_readers():
    wide = {
        f"{place(path)}:{number}"
        for path in (PROJECT / "templates").rglob("*.html")
        for number, line in enumerate(source.text(path).splitlines(), 1)
        if len(line) > TEMPLATE_COLUMNS
    }
    assert not wide


def test_functions_stay_short():
    long = [
        f"{place(path, node.lineno)} {node.name}: {length}"
        for path in python_files(*PACKAGES)
        for node in source.functions(path)
        if (length := (node.end_lineno or 0) - node.lineno + 1) >= FUNCTION_LINES
    ]
    assert not long


def test_names_say_what_is_inside():
    vague = [
        place(path)
        for path in python_files(*PACKAGES, "tests")
        if {path.stem, path.parent.name} & VAGUE or path.stem == "routing"
    ]
    assert not vague


def test_every_function_is_annotated():
    bare = [
        f"{place(path, node.lineno)} {node.name}"
        for path in python_files(*PACKAGES)
        for node in source.functions(path)
        if node.returns is None
    ]
    assert not bare


def test_migrations_import_no_project_code_but_the_operations():
    foreign = []
    for path in python_files(*APPS, migrations=True):
        if "migrations" not in path.parts:
            continue
        for node in ast.walk(source.tree(path)):
            for module in _imported(node):
                is_ours = module.split(".")[0] in PACKAGES
                if is_ours and module != "helpdesk.migration_operations":
                    foreign.append(f"{place(path, node.lineno)} {module}")
    assert not foreign


def test_services_know_nothing_of_requests():
    web = ("django.http", "django.shortcuts", "django.views", "rest_framework")
    asking = [
        f"{place(path)} {module}"
        for folder in (
            "helpdesk/services",
            "helpdesk/models",
            "routing/services",
            "channels_app/services",
        )
        for path in [*python_files(folder), PROJECT / "helpdesk/access.py"]
        for node in ast.walk(source.tree(path))
        for module in _imported(node)
        if module.startswith(web)
    ]
    assert not asking


def test_nobody_imports_the_wiring():
    wiring = {"helpdesk.settings", "helpdesk.urls", "helpdesk.asgi"}
    users = [
        place(path)
        for path in python_files(*APPS)
        for node in ast.walk(source.tree(path))
        if wiring & set(_imported(node))
    ]
    assert not users


def test_handlers_of_events_never_query():
    handlers = {handler for handlers in subscriptions().values() for handler in handlers}
    asking = [
        f"{handler.__module__}.{handler.__qualname__}: {word}"
        for handler in handlers
        for word in _queries(handler)
    ]
    assert not asking


def test_a_handler_that_queries_is_found():
    def handler(event):
        Conversation.objects.get(pk=event.conversation_id)  # type: ignore[name-defined] # noqa: F821

    assert _queries(handler) == [".objects"]


def test_nothing_is_declared_safe_to_render():
    pattern = r"\|\s*safe\b|mark_safe|SafeString|autoescape\s+off|\|\s*safeseq\b|__html__"
    found = _matches(pattern, python_files(*APPS) + source.templates())
    assert not found


def test_templates_carry_no_inline_script_or_style():
    found = _matches(r"""<[^>]*\s(style|on[a-z]+|hx-on[^\s=]*)\s*=""", source.templates())
    found += _matches(r"<style\b|javascript:", source.templates())
    found += _matches(r"<script\b(?![^>]*\ssrc=)(?![^>]*application/json)", source.templates())
    assert not found


def test_pages_and_styles_ask_no_other_host():
    sheets = source.files("*.css", *APPS)
    found = _matches(r"""\b(src|srcset|action|data)\s*=\s*["'](https?:)?//""", source.templates())
    found += _matches(r"""<(link|script|iframe)\b[^>]*["'](https?:)?//""", source.templates())
    found += _matches(r"""url\(\s*["']?(https?:)?//|@import""", sheets)
    found += _matches(
        r"""\b(import|importScripts|fetch)\b[^;\n]*["'](https?:)?//""", source.scripts()
    )
    assert not found


def test_scripts_make_no_markup_of_data():
    pattern = (
        r"\b(innerHTML|outerHTML|insertAdjacentHTML|srcdoc)\b|document\.write|\beval\(|new Function"
    )
    assert not _matches(pattern, source.scripts())


def test_serializers_and_forms_name_their_fields():
    assert not _matches(r"""fields\s*=\s*["']__all__["']""", python_files(*APPS))
    implicit = [
        place(path, node.lineno)
        for path in python_files(*APPS)
        for node in ast.walk(source.tree(path))
        if isinstance(node, ast.ClassDef) and node.name == "Meta"
        for statement in node.body
        if isinstance(statement, ast.Assign)
        and getattr(statement.targets[0], "id", "") == "exclude"
    ]
    assert not implicit


def test_only_signed_calls_come_without_a_csrf_token():
    exempt = {found.split(":")[0] for found in _matches("csrf_exempt", python_files(*APPS))}
    assert exempt <= WITHOUT_CSRF


def test_secrets_are_compared_in_constant_time():
    secret = re.compile(r"(^|_)(token|secret|signature|digest|password)(_hash)?$")
    compared = [
        place(path, node.lineno)
        for path in python_files(*APPS)
        for node in ast.walk(source.tree(path))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        and any(secret.search(_name(side)) for side in [node.left, *node.comparators])
        and not any(isinstance(side, ast.Constant) for side in [node.left, *node.comparators])
    ]
    assert not compared


def test_requirements_are_pinned():
    loose = [
        f"{name}: {line}"
        for name in ("requirements.txt", "requirements-dev.txt")
        for line in (PROJECT / name).read_text().splitlines()
        if line
        and not line.startswith(("#", "-r "))
        and not re.match(r"^[\w.\-]+(\[[\w,]+\])?==\S+$", line)
    ]
    assert not loose


def test_links_in_the_documents_lead_somewhere():
    documents = [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]
    broken = []
    for path in documents:
        plain = re.sub(r"```.*?```", "", source.text(path), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)[^)]*\)|src=\"([^\"]+)\"", plain):
            link = (target[0] or target[1]).split("#")[0]
            if link and not re.match(r"[a-z]+:", link) and not (path.parent / link).exists():
                broken.append(f"{place(path)} -> {link}")
    assert not broken


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module]
    return []


def _queries(handler: Callable[..., object]) -> list[str]:
    code = inspect.getsource(inspect.unwrap(handler))
    words = [".objects", "organization_transaction", "access.", ".cursor(", "import_module"]
    return [word for word in words if word in code]


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _matches(pattern: str, paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        content = source.text(path)
        for match in re.finditer(pattern, content, flags=re.IGNORECASE):
            line = content.count("\n", 0, match.start()) + 1
            found.append(f"{place(path, line)} {match.group()[:60]}")
    return found

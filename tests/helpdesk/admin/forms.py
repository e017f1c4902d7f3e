"""What browsers send for the forms of the organization site."""

from typing import Any

from helpdesk.models import AuditEntry
from tests.factories import World


def inline(prefix: str, rows: list[dict[str, Any]], initial: int = 0) -> dict[str, Any]:
    data: dict[str, Any] = {
        f"{prefix}-TOTAL_FORMS": len(rows),
        f"{prefix}-INITIAL_FORMS": initial,
        f"{prefix}-MIN_NUM_FORMS": 0,
        f"{prefix}-MAX_NUM_FORMS": 1000,
    }
    for number, row in enumerate(rows):
        data |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return data


def staff_form(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "name": "新人",
        "name_en": "",
        "department": world.support.pk,
        "position": "",
        "languages": ["zh"],
        "place": "",
        "timezone": "Asia/Shanghai",
        "capacity": "2",
        "is_active": "on",
        **inline("role_grants", []),
        **inline("skills", []),
        **inline("exams", []),
        **inline("kind_limits", []),
        **inline("working_periods", []),
        **inline("leaves", []),
        **inline("focus_times", []),
        **changes,
    }


def trail(world: World) -> list[str]:
    with world.transaction():
        return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))

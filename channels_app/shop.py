"""The demo company's shop: a page like any other that carries the widget."""

from dataclasses import dataclass

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_GET

from channels_app.widget import widget_script
from helpdesk.models import Channel, Organization
from helpdesk.tenancy import all_organizations, organization_transaction


@dataclass(frozen=True, slots=True)
class Product:
    """Something the shop sells, described in both languages."""

    icon: str
    tone: int
    price: str
    names: tuple[str, str]
    kinds: tuple[str, str]
    questions: tuple[str, str]


PRODUCTS = (
    Product(
        "buds",
        0,
        "¥ 599",
        ("听雨 A3", "Tingyu A3"),
        ("主动降噪耳机", "Noise-cancelling earbuds"),
        ("听雨 A3 的降噪怎么样？", "How good is the noise cancelling of the Tingyu A3?"),
    ),
    Product(
        "cam",
        1,
        "¥ 269",
        ("知更 C1", "Zhigeng C1"),
        ("室内摄像头", "Indoor camera"),
        ("知更 C1 断网还能录像吗？", "Does the Zhigeng C1 record without a network?"),
    ),
    Product(
        "hub",
        2,
        "¥ 429",
        ("小满 H2", "Xiaoman H2"),
        ("全屋网关", "Whole-home gateway"),
        ("小满 H2 支持 Matter 吗？", "Does the Xiaoman H2 support Matter?"),
    ),
    Product(
        "buds",
        3,
        "¥ 399",
        ("听雨 S1", "Tingyu S1"),
        ("运动耳机", "Sports earbuds"),
        ("听雨 S1 可以戴着游泳吗？", "Can I swim with the Tingyu S1?"),
    ),
)


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the shop where the demo company lives; elsewhere there is none."""
    channel = demo_channel()
    if channel is None:
        raise Http404
    asked = request.GET.get("language", "")
    language = (
        asked if asked in dict(settings.LANGUAGES) else translation.get_language() or "zh-hans"
    )
    is_english = int(language.startswith("en"))
    products = [
        {
            "icon": each.icon,
            "tone": each.tone,
            "price": each.price,
            "name": each.names[is_english],
            "kind": each.kinds[is_english],
            "question": each.questions[is_english],
        }
        for each in PRODUCTS
    ]
    with translation.override(language):
        return render(
            request,
            "channels_app/shop.html",
            {
                "public_id": channel.public_id,
                "form_id": _form_id(channel.organization_id),
                "version": widget_script()[1],
                "products": products,
                "is_english": bool(is_english),
            },
        )


def _form_id(organization_id: int) -> str:
    """Return the public id of the shop's contact form; nothing where there is none."""
    with organization_transaction(organization_id):
        forms = Channel.objects.filter(kind="form", is_active=True).order_by("id")
        return forms.values_list("public_id", flat=True).first() or ""


def demo_channel() -> Channel | None:
    """Return the demo company's web chat; None where there is none or this is no private machine."""
    if not settings.IS_LOOPBACK:
        return None
    for organization_id in all_organizations():
        with organization_transaction(organization_id):
            if not Organization.objects.filter(pk=organization_id, is_demo=True).exists():
                continue
            found = Channel.objects.filter(kind="webchat", is_active=True).order_by("id").first()
            if found is not None:
                return found
    return None

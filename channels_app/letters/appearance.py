"""What of a letter's looks is harmless: attributes and style properties with plain values."""

import re
from collections.abc import Mapping

VALUE_LENGTH = 200
STYLE_LENGTH = 4_000

_SIZE = re.compile(r"\d{1,4}(?:\.\d{1,4})?(?:px|pt|em|rem|%)?")
_COUNT = re.compile(r"\d{1,3}")
_COLOR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]{3,30}")
_WORD = re.compile(r"[a-zA-Z0-9_-]{1,35}")
_FACE = re.compile(r"[\w ,.'-]{1,200}")
_FONT_SIZE = re.compile(r"[+-]?\d{1,2}")

# Which attributes a tag may have, and how their values look.
ATTRIBUTES: dict[str, dict[str, re.Pattern[str]]] = {
    "*": {"align": _WORD, "dir": _WORD, "lang": _WORD},
    "table": {
        "bgcolor": _COLOR,
        "border": _COUNT,
        "bordercolor": _COLOR,
        "cellpadding": _COUNT,
        "cellspacing": _COUNT,
        "frame": _WORD,
        "height": _SIZE,
        "rules": _WORD,
        "width": _SIZE,
    },
    "font": {"color": _COLOR, "face": _FACE, "size": _FONT_SIZE},
    "img": {"border": _COUNT, "height": _SIZE, "hspace": _COUNT, "vspace": _COUNT, "width": _SIZE},
    "hr": {"color": _COLOR, "noshade": _WORD, "size": _COUNT, "width": _SIZE},
    "ol": {"start": _COUNT, "type": _WORD},
    "ul": {"type": _WORD},
    "li": {"type": _WORD, "value": _COUNT},
    "br": {"clear": _WORD},
}
_CELL = {
    "bgcolor": _COLOR,
    "colspan": _COUNT,
    "height": _SIZE,
    "nowrap": _WORD,
    "rowspan": _COUNT,
    "valign": _WORD,
    "width": _SIZE,
}
_ROW = {"bgcolor": _COLOR, "height": _SIZE, "valign": _WORD}
_COLUMN = {"span": _COUNT, "valign": _WORD, "width": _SIZE}
ATTRIBUTES |= {"td": _CELL, "th": _CELL, "col": _COLUMN, "colgroup": _COLUMN}
ATTRIBUTES |= dict.fromkeys(("tr", "tbody", "thead", "tfoot"), _ROW)

_EDGES = ("top", "right", "bottom", "left")
STYLES = frozenset(
    [
        "background",
        "background-color",
        "border",
        "border-collapse",
        "border-color",
        "border-radius",
        "border-spacing",
        "border-style",
        "border-width",
        "color",
        "direction",
        "font",
        "font-family",
        "font-size",
        "font-style",
        "font-variant",
        "font-weight",
        "height",
        "letter-spacing",
        "line-height",
        "list-style-type",
        "margin",
        "max-width",
        "min-width",
        "padding",
        "table-layout",
        "text-align",
        "text-decoration",
        "text-transform",
        "vertical-align",
        "white-space",
        "width",
        "word-break",
        "word-wrap",
        *(f"{side}-{edge}" for side in ("margin", "padding", "border") for edge in _EDGES),
        *(f"border-{edge}-{part}" for edge in _EDGES for part in ("color", "style", "width")),
    ]
)
# No brackets but those of a colour: nothing can be fetched, counted or computed.
_STYLE_VALUE = re.compile(r"(?:rgba?|hsla?)\([\d\s.,%]{1,40}\)|[\w\s#%.,+'\"/-]")
_IMPORTANT = re.compile(r"!\s*important", re.IGNORECASE)
_NEGATIVE = re.compile(r"(?<![\w.])-\.?\d")
_NOTHING = re.compile(r"0+(?:\.0*)?(?:px|pt|em|%)?")


def harmless(tag: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that say how the tag looks, and nothing else."""
    kept = {}
    for name, value in attributes.items():
        pattern = ATTRIBUTES.get(tag, {}).get(name) or ATTRIBUTES["*"].get(name)
        if pattern and pattern.fullmatch(value.strip()[: VALUE_LENGTH + 1]):
            kept[name] = value.strip()
        elif name == "style" and (style := harmless_style(value)):
            kept["style"] = style
    return kept


def harmless_style(style: str) -> str:
    """Return the declarations whose property and value are on the list, the last of each name."""
    kept = {
        name: value for name, value in _declarations(style) if name in STYLES and _is_plain(value)
    }
    return ";".join(f"{name}:{value}" for name, value in kept.items())


def is_hidden(attributes: Mapping[str, str]) -> bool:
    """Tell whether a reader of the letter never sees what the tag holds."""
    # No word about font-size: layouts set it to nothing around text that has a size of its own.
    says = dict(_declarations(attributes.get("style", "").lower()))
    return (
        "hidden" in attributes
        or says.get("display") == "none"
        or says.get("visibility") in ("hidden", "collapse")
        or bool(_NOTHING.fullmatch(says.get("opacity", "")))
        or (
            says.get("overflow") == "hidden"
            and bool(_NOTHING.fullmatch(says.get("max-height", "")))
        )
    )


def _declarations(style: str) -> list[tuple[str, str]]:
    found = []
    for declaration in style[:STYLE_LENGTH].split(";"):
        name, _, value = declaration.partition(":")
        value = _IMPORTANT.sub("", value)
        if name.strip() and value.strip():
            found.append((name.strip().lower(), " ".join(value.split())))
    return found


def _is_plain(value: str) -> bool:
    is_listed = len(value) <= VALUE_LENGTH and not _STYLE_VALUE.sub("", value)
    is_whole = "//" not in value and value.count("'") % 2 == 0 and value.count('"') % 2 == 0
    return is_listed and is_whole and not _NEGATIVE.search(value)

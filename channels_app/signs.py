"""Signs by which customers react to messages: as a platform names them, and as they are shown."""

import re

# What is a name, and no sign itself; Slack writes the colour of the skin behind it.
_NAME = re.compile(
    r":?(?P<name>[a-z0-9_+'. -]*[a-z0-9][a-z0-9_+'. -]*?)(?:::skin-tone-[2-6])?:?", re.ASCII
)
_SIGNS = {
    "👍": "+1 thumbsup like",
    "👎": "-1 thumbsdown dislike",
    "❤️": "heart love finger_heart",
    "😄": "smile grinning happy",
    "😆": "laugh laughing lol",
    "😂": "joy",
    "🤣": "rofl",
    "😮": "open_mouth surprised wow",
    "😢": "cry sad",
    "😭": "sob",
    "😠": "angry",
    "😡": "rage",
    "🎉": "tada party",
    "🙏": "pray thanks thank_you folded_hands",
    "👏": "clap applause",
    "🙌": "raised_hands",
    "👌": "ok_hand ok",
    "💪": "muscle jiayi",
    "🤝": "handshake",
    "👋": "wave",
    "✅": "white_check_mark done checkmark",
    "✔️": "heavy_check_mark",
    "❌": "x crossmark",
    "👀": "eyes",
    "🔥": "fire",
    "💯": "100",
    "🚀": "rocket",
    "⭐": "star",
    "🌹": "rose",
    "❓": "question",
    "🤔": "thinking_face thinking",
    "😊": "blush",
    "😍": "heart_eyes",
    "😅": "sweat_smile",
    "😉": "wink",
    "💔": "broken_heart heartbroken",
    "➕": "heavy_plus_sign",
}
_KNOWN = {name: sign for sign, names in _SIGNS.items() for name in names.split()}


def reaction_data(emoji: str, *, is_gone: bool = False, is_only: bool = False) -> dict[str, object]:
    """Return what an event says of a reaction: the sign or its name there, and whether it was taken back.

    `is_only`: the platform has one of each person on a message, so that a newer one takes its place, and
    what is taken back need not be named.
    """
    return {"emoji": emoji, "is_gone": is_gone, "is_only": is_only}


def shown(told: str, limit: int = 50) -> str:
    """Return a sign as it is shown: itself, or the one behind its name; an unknown name stands between colons."""
    named = _NAME.fullmatch(told.strip().lower())
    if named is None:
        return told.strip()[:limit]
    found = _KNOWN.get(named["name"])
    return found or f":{named['name'][: limit - 2]}:"

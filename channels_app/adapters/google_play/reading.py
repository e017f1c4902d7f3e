"""What a page of Google Play says: reviews with what their writers and we said last."""

from datetime import UTC, datetime

from channels_app.app_reviews import MOST_TEXT, Found, Review, read_each
from channels_app.json_fields import Fields

MOST_REVIEWS = 1000
MOST_COMMENTS = 20


def read_page(answer: Fields) -> tuple[Found, str]:
    """Return the reviews with the bytes of each, and the token of the next page. Raises BadPayload."""
    following = answer.fields("tokenPagination").line("nextPageToken", 2000)
    return read_each(answer.each("reviews", MOST_REVIEWS), _review), following


def _review(data: Fields) -> Review | None:
    comments = data.each("comments", MOST_COMMENTS)
    written = [each.fields("userComment") for each in comments if "userComment" in each]
    if not written:
        return None
    said = written[0]
    answers = [each.fields("developerComment") for each in comments if "developerComment" in each]
    facts = {name: said.line(name, 200) for name in ("appVersionName", "device") if name in said}
    return Review(
        identifier=data.identifier("reviewId", required=True),
        at=_moment(said),
        stars=said.number("starRating") or 0,
        # A title stands before a tab.
        text=said.text("text", MOST_TEXT).replace("\t", "\n").strip(),
        author=data.line("authorName", 200),
        language=said.line("reviewerLanguage", 35),
        answer=answers[0].text("text", MOST_TEXT) if answers else "",
        answered_at=_moment(answers[0]) if answers else None,
        facts=facts,
    )


def _moment(data: Fields) -> datetime:
    """Return when it was last changed; their seconds come as text."""
    told = data.fields("lastModified")
    seconds, nanoseconds = told.reference("seconds", 20, required=True), told.number("nanos") or 0
    try:
        return datetime.fromtimestamp(int(seconds) + nanoseconds // 1000 / 1_000_000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise data.refuse("lastModified", "is no time") from error

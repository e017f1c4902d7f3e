"""What a page of the App Store says: reviews, and beside them what we have answered."""

from urllib.parse import parse_qs, urlsplit

from channels_app.app_reviews import MOST_TEXT, Found, Review, read_each
from channels_app.json_fields import Fields

MOST_REVIEWS = 1000


def read_page(answer: Fields) -> tuple[Found, str]:
    """Return the reviews with the bytes of each, and the cursor of the next page. Raises BadPayload."""
    said = {
        each.identifier("id"): each.fields("attributes")
        for each in answer.each("included", MOST_REVIEWS)
        if each.line("type", 50) == "customerReviewResponses"
    }
    found = read_each(answer.each("data", MOST_REVIEWS), lambda each: _review(each, said))
    return found, _cursor(answer.fields("links").line("next", 4000))


def _review(data: Fields, answers: dict[str, Fields]) -> Review:
    told = data.fields("attributes")
    at = told.instant("createdDate")
    if at is None:
        raise told.refuse("createdDate", "is required")
    words = (told.line("title", 500), told.text("body", MOST_TEXT))
    answer = answers.get(
        data.fields("relationships").fields("response").fields("data").identifier("id")
    )
    return Review(
        identifier=data.identifier("id", required=True),
        at=at,
        stars=told.number("rating") or 0,
        text="\n".join(filter(None, words)),
        author=told.line("reviewerNickname", 200),
        answer=answer.text("responseBody", MOST_TEXT) if answer else "",
        answered_at=answer.instant("lastModifiedDate") if answer else None,
        facts={"territory": told.line("territory", 50)},
    )


def _cursor(url: str) -> str:
    """Return where the next page begins; the address itself is not followed."""
    try:
        return parse_qs(urlsplit(url).query).get("cursor", [""])[0]
    except ValueError:
        return ""

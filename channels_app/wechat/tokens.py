"""How a token is asked for: WeChat keeps it the same for all who ask this way, WeCom gives one by company and app."""

import json
from datetime import timedelta
from urllib.parse import urlencode

from channels_app.json_fields import Fields
from channels_app.protocol import BadPayload, FetchToken
from channels_app.wechat import answers


def stable(base: str, app_id: str, app_secret: str, refused: str) -> FetchToken:
    """Return what asks WeChat for a token; where the refused one comes again, it is made to give another.

    A token by any other way would take the one of other systems away.
    """

    def ask(*, forced: bool) -> Fields:
        values = {
            "grant_type": "client_credential",
            "appid": app_id,
            "secret": app_secret,
            "force_refresh": forced,
        }
        body = json.dumps(values).encode()
        return answers.asked("POST", f"{base}/cgi-bin/stable_token", body=body)

    def fetch() -> tuple[str, timedelta]:
        found = _read(ask(forced=False))
        return _read(ask(forced=True)) if found[0] == refused else found

    return fetch


def of_company(base: str, corp_id: str, app_secret: str) -> FetchToken:
    """Return what asks WeCom for a token."""

    def fetch() -> tuple[str, timedelta]:
        query = urlencode({"corpid": corp_id, "corpsecret": app_secret})
        return _read(answers.asked("GET", f"{base}/cgi-bin/gettoken?{query}"))

    return fetch


def _read(answer: Fields) -> tuple[str, timedelta]:
    try:
        token = answer.identifier("access_token", 1000, required=True)
        return token, timedelta(seconds=answer.number("expires_in") or 0)
    except BadPayload as error:
        raise answers.stranger(is_ambiguous=False) from error

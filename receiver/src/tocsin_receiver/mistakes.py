"""Why a signature may be wrong: try what people usually get wrong, and say it."""

import json
import re
from collections.abc import Iterator

from tocsin_receiver.fields import signed_text
from tocsin_receiver.signing import AuthCode, is_same, sign_text

_BARE = ("incident", "summary", "message")  # the only values that are sent without quotes
_URL = re.compile(r"(https?)://(\[[^]]*\]|[^/?:]+)(:\d+)?([^?]*)(.*)", re.DOTALL)
_PORTS = {"http": ":80", "https": ":443"}


def explain(url: str, fields: dict[str, str], auth_code: AuthCode, signature: str) -> str:
    """Return what is wrong with a signature that does not match, as far as it can be found out.

    Nothing tried here makes a request valid: the answer is for the receiver's own log.
    """
    text = signed_text(fields)
    for variant in _urls_like(url):
        if is_same(sign_text(variant, text, auth_code), signature):
            return (
                f"the request is signed for {variant} and was verified for {url}: give the URL as "
                "the webhook has it, with its scheme, port and slashes, not as a proxy shows it"
            )
    if is_same(sign_text(url, signed_text(_quoted(fields)), auth_code), signature):
        return "the values have lost their double quotes: verify the fields before stripping them"
    return (
        "the signature does not match: compare the URL with the webhook's, character by character "
        "(scheme, port, trailing slash, query), and the auth code; and verify the form unchanged"
    )


def _urls_like(url: str) -> Iterator[str]:
    """Yield `url` with the other scheme, another port, with or without the last slash."""
    match = _URL.fullmatch(url)
    if not match:
        return
    _, host, given_port, path, query = match.groups(default="")
    for scheme, default_port in _PORTS.items():
        for port in dict.fromkeys((given_port, "", default_port)):
            for ending in (path, path[:-1] if path.endswith("/") else path + "/"):
                yield f"{scheme}://{host}{port}{ending}{query}"


def _quoted(fields: dict[str, str]) -> dict[str, str]:
    return {
        name: value if name in _BARE else json.dumps(value, ensure_ascii=False)
        for name, value in fields.items()
    }

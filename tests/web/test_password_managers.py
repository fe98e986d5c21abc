"""What password managers look for: whose password it is, and whether it is the one that they know or a new one."""

import re
from pathlib import Path

import pytest
from tests.api.harness import Harness
from tests.web.harness import People
from tests.web.test_signing_in import choose, first_link, link_of

import tocsin.web
from tocsin.web.visit import SESSION_COOKIE

TEMPLATES = Path(tocsin.web.__file__).parent / "templates"
_PASSWORD = re.compile(r'ui\.input\([^)]*type="password"[^)]*\)|<input[^>]*type="password"[^>]*>')


@pytest.mark.parametrize("page", ["sign-in", "first", "invitation", "account"])
def test_a_form_with_a_password_says_whose_it_is(
    page: str, harness: Harness, people: People
) -> None:
    """In an input that is not hidden by its type, for such are passed over; and which password each is."""
    browser, wanted = people.stranger, ["new-password", "new-password"]
    match page:
        case "sign-in":
            path, wanted = "/sign-in", ["current-password"]
        case "first":
            path = first_link(harness)
        case "invitation":
            path = link_of(harness, "rita")
        case _:
            choose(browser, link_of(harness, "rita"))
            path, wanted = "/account", ["current-password", *wanted]
    inputs = [given for tag, given in browser.get(path).page.tags if tag == "input"]
    passwords = [each["autocomplete"] for each in inputs if each.get("type") == "password"]
    assert passwords == wanted
    (whose,) = [each for each in inputs if each.get("autocomplete") == "username"]
    assert whose["type"] == "text"
    assert whose["value"] == ("" if page in ("sign-in", "first") else "rita")
    is_unseen = whose.get("aria-hidden") == "true"
    assert is_unseen is (page in ("invitation", "account"))
    assert (whose.get("tabindex") == "-1") is is_unseen
    assert (SESSION_COOKIE in browser.cookies) is (page == "account")


def test_every_password_on_any_page_says_which_it_is() -> None:
    """A manager must not fill in the one that it knows where another one is asked for."""
    found = [
        (path.name, each)
        for path in sorted(TEMPLATES.glob("*.html"))
        for each in _PASSWORD.findall(path.read_text(encoding="utf-8"))
    ]
    assert len({name for name, _ in found}) >= 4
    for name, each in found:
        assert re.search(r'autocomplete="(current|new)-password"', each), (name, each)

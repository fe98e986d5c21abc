"""A page repeats what was sent, but not without bound."""

import pytest
from tests.api.harness import Harness
from tests.web.harness import TEAM, Browser, People

from tocsin.domain.alert_fields import LONGEST_STATE_MESSAGE
from tocsin.web.echo import LONGEST_ECHO, MOST_ECHO

MUCH = 330_000  # which are sent as 990,000 bytes
LARGEST_ANSWER = MOST_ECHO * 5 + 100_000
"""Bytes: of all that is escaped a quote becomes longest, `&#34;`."""


@pytest.fixture
def root(harness: Harness, people: People) -> Browser:
    harness.configure()
    harness.open_incident("disk")
    return people.administrator


@pytest.mark.parametrize(
    "path",
    [
        "/incidents",
        "/incidents/1",
        "/incidents/new",
        "/teams/new",
        f"/teams/{TEAM}",
        f"/teams/{TEAM}/policies/new",
        "/routing/test",
        "/routing/keys/new",
        "/webhooks/new",
        "/webhooks/pager/edit",
        "/webhooks/pager/signature",
        "/alert-keys",
        "/heartbeats",
        "/users",
        "/account",
    ],
)
def test_no_form_is_answered_by_as_much_as_was_sent(path: str, root: Browser) -> None:
    """Whichever form it is, with all of its fields filled; and whoever sees the page is told that it is cut."""
    forms = [form for form in root.get(path).page.forms if form.method == "post" and form.fields]
    cut = 0
    for form in forms:
        names = {name for name, _ in form.fields} - {"csrf"}
        if not names:
            continue
        answer = root.post(form.action, {name: '"' * (MUCH // len(names)) for name in names})
        assert len(answer.text) < LARGEST_ANSWER, form.action
        cut += "very long, so long texts are cut" in answer.words
    assert cut or path == "/incidents"  # where nothing of a form is repeated


def test_as_much_as_a_page_repeats_is_shared_among_its_fields(root: Browser) -> None:
    """Each is cut by itself, and all of them together."""
    texts = dict.fromkeys(("name", "url", "slug", "ca_bundle", "retry_waits"), "y" * 180000)
    answer = root.post("/webhooks/new", texts)
    assert MOST_ECHO <= answer.text.count("y") < MOST_ECHO + 5_000
    shown = dict(answer.page.form("/webhooks/new").fields)
    assert len(shown["name"]) == LONGEST_ECHO
    one = root.post("/webhooks/new", {"name": "a", "url": "b", "ca_bundle": "y" * 30_000})
    assert LONGEST_ECHO <= one.text.count("y") < LONGEST_ECHO + 1_000


def test_what_a_field_takes_is_repeated_whole(root: Browser) -> None:
    """Nothing of what could be sent is lost when something else in the form is wrong."""
    details = "z" * LONGEST_STATE_MESSAGE
    answer = root.post("/incidents/new", {"summary": "", "details": details})
    assert (answer.status, "very long" in answer.words) == (422, False)
    assert ("details", details) in answer.page.form("/incidents/new").fields

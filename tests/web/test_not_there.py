"""Addresses of things that are not there, or not any more."""

import pytest
from tests.web.harness import People


@pytest.mark.parametrize(
    ("path", "list_"),
    [
        ("/incidents/4711", "/incidents"),
        ("/incidents/4711/text", "/incidents"),
        ("/deliveries/dlv_0000000000000000", "/deliveries"),
        ("/deliveries/nonsense", "/deliveries"),
        ("/webhooks/gone", "/webhooks"),
        ("/webhooks/gone/edit", "/webhooks"),
        ("/webhooks/gone/auth-code", "/webhooks"),
        ("/webhooks/gone/receiver", "/webhooks"),
        ("/heartbeats/gone", "/heartbeats"),
        ("/teams/gone", "/teams"),
        ("/teams/ops/policies/gone", "/teams"),
        ("/teams/ops/policies/primary/versions/99", "/teams"),
        ("/users/gone", "/users"),
        ("/webhooks/gone/and/more", "/webhooks"),
    ],
)
def test_who_looks_for_what_is_not_there_is_led_to_its_list(
    path: str, list_: str, people: People
) -> None:
    """With what was looked for, and no word as if it had been forbidden."""
    answer = people.administrator.get(path)
    assert answer.status == 404
    (level, heading), *_ = answer.page.headings
    assert (level, heading in ("Not there", "No such page")) == (1, True)
    ((words, target),) = [
        (words, to) for words, to in answer.page.links.items() if words.startswith("All ")
    ]
    assert target == list_
    assert people.administrator.get(target).status == 200, words


def test_a_refusal_leads_nowhere(people: People) -> None:
    """What somebody may not do is not to be looked for in a list; and a stranger has none."""
    refused = people.viewer.get("/users")
    assert refused.status == 403
    assert "That was refused" in refused.words
    assert "look for it" not in refused.words
    assert "All webhooks" not in people.stranger.get("/webhooks/gone/and/more").page.links

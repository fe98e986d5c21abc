"""However long a policy is, no page of it is over 150 KB."""

import pytest
from tests.api.harness import CONFIGURATION
from tests.web.harness import People

MOST_BYTES = 150_000
POLICY = "/teams/ops/policies/primary"


def configure(people: People, *, steps: int, targets: int) -> None:
    """Make the policy call `targets` webhooks of the longest names in each step."""
    slugs = [f"w{number}-".ljust(64, "w") for number in range(targets)]
    for slug in slugs:
        given = {"name": slug, "slug": slug, "url": "https://pager.example/hook"}
        assert people.harness.ask("POST", "webhooks", given).status_code == 201
    plan = [{"after": f"{number}m", "webhooks": slugs} for number in range(steps)]
    whole = {"name": "Primary", "steps": plan}
    assert people.harness.ask("PUT", "policies/ops/primary", whole).status_code == 200


@pytest.mark.parametrize(("steps", "targets"), [(20, 6), (20, 4), (40, 2), (40, 1), (10, 12)])
def test_the_longest_policy_that_a_form_takes(people: People, steps: int, targets: int) -> None:
    """With lists to choose from, or, where these would be long, with suggestions."""
    configure(people, steps=steps, targets=targets)
    for path in (POLICY, f"{POLICY}/edit"):
        answer = people.administrator.get(path)
        assert answer.status == 200
        assert len(answer.text.encode()) < MOST_BYTES


def test_a_policy_that_is_longer_is_shown_in_short_and_changed_as_text(people: People) -> None:
    """A hundred steps that call a hundred webhooks each; the page says how to change it."""
    configure(people, steps=100, targets=100)
    shown = people.administrator.get(POLICY)
    assert "and 93 others" in shown.words
    assert len(shown.text.encode()) < MOST_BYTES
    refused = people.administrator.get(f"{POLICY}/edit")
    assert (refused.status, "policy_too_long" in refused.text) == (422, True)
    assert "tocsin apply" in refused.words


def test_a_form_that_is_full_takes_no_further_step(people: People) -> None:
    """What was typed stays, and the reason stands above it."""
    configure(people, steps=40, targets=1)
    forms = people.administrator.get(f"{POLICY}/edit").page.forms
    (typed,) = [dict(each.fields) for each in forms if each.action == f"{POLICY}/edit"]
    refused = people.administrator.post(f"{POLICY}/edit", {**typed, "do": "add-step"})
    assert refused.status == 422
    assert "The form takes 40 steps" in refused.words
    assert "Step 40" in refused.words
    assert "Step 41" not in refused.words


def test_of_very_many_keys_and_teams_one_is_typed(people: People) -> None:
    """A list of all of them would be no page that somebody can use; what is typed counts like what is chosen."""
    many = range(250)
    teams = "".join(f"\n  team-{number}: {{name: Team {number}}}" for number in many)
    keys = "".join(f"\n  key-{number}: {{policies: [ops/primary]}}" for number in many)
    people.harness.configure(
        CONFIGURATION.replace("teams:", f"teams:{teams}", 1).replace(
            "routing_keys:", f"routing_keys:{keys}", 1
        )
    )
    for path in ("/alert-keys", "/heartbeats", "/incidents/new", "/users"):
        shown = people.administrator.get(path)
        assert shown.status == 200
        assert "key-77" not in shown.text.replace('value="key-0"', "")
        assert "team-77" not in shown.text
    form = {"name": "tess", "role": "team_administrator", "team": "team-77"}
    assert people.administrator.post_and_follow("/users", form).status == 200
    assert "Team 77" in people.administrator.get("/users/tess").words

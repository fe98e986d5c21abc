"""Users over HTTP: made with a link, changed, disabled."""

import pytest
from tests.api.harness import Harness
from tests.api.test_access import check_error

from tocsin.domain.principal import Scope

ADMINISTER = Scope.ADMINISTER


def test_a_user_is_made_with_a_link_that_is_shown_once(harness: Harness) -> None:
    """Also when it is asked for twice; a list tells nothing of it."""
    new = {"name": "ana", "role": "responder"}
    key = {"Idempotency-Key": "once"}
    made = harness.ask("POST", "users", scope=ADMINISTER, body=new, headers=key)
    again = harness.ask("POST", "users", scope=ADMINISTER, body=new, headers=key)
    assert made.status_code == 201
    assert again.json() == made.json()
    link = made.json()["invitation_url"]
    assert link.startswith("https://tocsin.example/welcome/tsi_")
    listed = harness.ask("GET", "users", scope=ADMINISTER)
    assert link not in listed.text
    (user,) = listed.json()["items"]
    assert user == harness.ask("GET", "users/ana", scope=ADMINISTER).json()
    assert (user["name"], user["role"], user["has_password"]) == ("ana", "responder", False)
    other = harness.ask("POST", "users/ana/invite", scope=ADMINISTER).json()["invitation_url"]
    assert other != link
    assert harness.http.get(link.removeprefix("https://tocsin.example")).status_code == 410
    assert harness.http.get(other.removeprefix("https://tocsin.example")).status_code == 200


def test_a_user_is_changed_disabled_and_deleted(harness: Harness) -> None:
    """What is left out stays; what is so already is no change."""
    harness.ask("POST", "users", scope=ADMINISTER, body={"name": "ana", "role": "viewer"})

    def change(**body: object) -> tuple[str, list[str], bool, bool]:
        answer = harness.ask("PATCH", "users/ana", scope=ADMINISTER, body=body)
        assert answer.status_code == 200, answer.text
        user = answer.json()
        return user["role"], user["teams"], user["disabled_at"] is not None, user["changed"]

    of_ops = {"role": "team_administrator", "teams": ["ops"]}
    assert change(**of_ops) == ("team_administrator", ["ops"], False, True)
    assert change(role="team_administrator") == ("team_administrator", ["ops"], False, False)
    assert change(disabled=True) == ("team_administrator", ["ops"], True, True)
    assert change(disabled=False) == ("team_administrator", ["ops"], False, True)
    assert change(role="viewer") == ("viewer", [], False, True)
    assert harness.ask("DELETE", "users/ana", scope=ADMINISTER).status_code == 204
    check_error(harness.ask("GET", "users/ana", scope=ADMINISTER), 404, "user_not_found")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "Ana", "role": "viewer"}, 400, "invalid_slug"),
        ({"name": "ana", "role": "root"}, 422, "invalid_request"),
        ({"name": "ana", "role": "team_administrator"}, 422, "invalid_user_teams"),
        ({"name": "ana", "role": "team_administrator", "teams": ["no"]}, 422, "unknown_team"),
        ({"name": "bob", "role": "viewer"}, 409, "user_exists"),
    ],
)
def test_what_cannot_be_is_refused(
    body: dict[str, object], status: int, code: str, harness: Harness
) -> None:
    """With a code, and nothing is made."""
    harness.ask("POST", "users", scope=ADMINISTER, body={"name": "bob", "role": "viewer"})
    check_error(harness.ask("POST", "users", scope=ADMINISTER, body=body), status, code)
    users = harness.ask("GET", "users", scope=ADMINISTER).json()["items"]
    assert [user["name"] for user in users] == ["bob"]

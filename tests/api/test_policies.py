"""Policies are edited by whom they concern, and where an alert would go is told before it is sent."""

import httpx
from tests.api.harness import Harness
from tests.api.test_access import check_error

from tocsin.actions.incident_set import Context
from tocsin.actions.tokens import create_token_of
from tocsin.actions.users import add_user
from tocsin.domain.principal import Scope
from tocsin.domain.user import UserRole
from tocsin.store.database import Tx


def test_an_edit_says_which_version_it_was_made_from(harness: Harness) -> None:
    """And is refused, if another one is in force by then; without that it is taken as it is."""
    text = {"name": "Primary", "steps": [{"after": "1m", "webhooks": ["pager"]}]}
    path = "policies/ops/primary"
    assert harness.ask("PUT", path, text | {"made_from": 1}).json()["version"] == 2
    text["steps"] = [{"after": "2m", "webhooks": ["pager"]}]
    error = check_error(harness.ask("PUT", path, text | {"made_from": 1}), 409, "changed_meanwhile")
    assert error["fields"] == {"policy": "ops/primary", "made_from": 1, "version": 2}
    assert harness.ask("PUT", path, text).json()["version"] == 3


def test_a_team_administrator_edits_the_policies_of_their_teams(harness: Harness) -> None:
    """By a token of theirs; of no other team, and nothing else of their own."""
    harness.ask("POST", "teams", {"name": "Other"})

    def make(tx: Tx, _context: Context) -> str:
        editor = harness.editor()
        role = UserRole.TEAM_ADMINISTRATOR
        user = add_user(tx, name="tom", role=role, of_teams=["ops"], editor=editor)
        made = create_token_of(tx, user, name="laptop", scope=Scope.RESPOND, editor=editor)
        return made.secret.reveal()

    token: str = harness.write(make)
    headers = {"authorization": f"Bearer {token}"}

    def ask(method: str, path: str, body: object = None) -> httpx.Response:
        return harness.ask(method, path, body, scope=None, headers=headers)

    text = {"name": "Third", "steps": [{"after": "1m", "webhooks": ["pager"]}]}
    assert ask("POST", "policies", text | {"team": "ops"}).status_code == 201
    assert ask("PUT", "policies/ops/third", text | {"name": "3"}).json()["name"] == "3"
    assert ask("DELETE", "policies/ops/third").status_code == 204
    for refused in (
        ask("POST", "policies", text | {"team": "other"}),
        ask("PUT", "policies/other/third", text),
        ask("DELETE", "policies/other/third"),
        ask("PATCH", "teams/ops", {"name": "Mine"}),
        ask("DELETE", "routing-keys/db"),
    ):
        check_error(refused, 403, "scope_too_narrow")


def test_an_alert_is_tried_before_it_is_sent(harness: Harness) -> None:
    """What it would do, who is paged and when; and nothing is changed."""
    alert = {"message_type": "critical", "entity_id": "x"}
    tried = harness.ask("POST", "routes", {"routing_key": "DB", "alert": alert}, scope=Scope.READ)
    answer = tried.json()
    assert answer["effect"] == "opened"
    assert (answer["entity_id"], answer["incident"], answer["pages_somebody"]) == ("x", None, True)
    (policy,) = answer["policies"]
    assert policy["moments"][1] == {
        "at": "10m",
        "sooner_at": None,
        "first_step": 2,
        "last_step": 2,
        "webhooks": ["pager", "siren"],
    }
    assert (policy["path"], policy["not_started"], policy["ends_at"]) == (
        "ops/primary",
        None,
        "10m",
    )
    assert "At 10 min, unless somebody acknowledged: pager and siren." in answer["text"]
    assert harness.ask("GET", "incidents").json()["items"] == []
    number = harness.open_incident("x")
    rolled = harness.ask("POST", "routes", {"alert": alert}).json()
    assert (rolled["effect"], rolled["incident"], rolled["policies"]) == ("rolled_up", number, [])
    own = harness.ask("POST", "routes", {"alert": {"message_type": "info"}}).json()
    assert (own["entity_id"], own["is_default_routing"]) == (None, True)
    refused = harness.ask("POST", "routes", {"alert": {"entity_id": "x"}})
    check_error(refused, 400, "missing_message_type")

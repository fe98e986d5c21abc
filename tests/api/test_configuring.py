"""Webhooks, policies, teams, routing, keys and tokens are managed one by one, or as a file."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.api.harness import ALERT_KEY, Harness
from tests.api.test_access import check_error

from tocsin.domain.principal import Scope
from tocsin.domain.webhook_url import InvalidWebhookUrl, check_webhook_url

HOOK = {"name": "Bob's hook", "url": "https://bob.example"}


def changes(harness: Harness) -> list[tuple[str, str, str]]:
    items = harness.ask("GET", "changes", scope=Scope.READ).json()["items"]
    return [(each["actor"], each["action"], each["object"]) for each in items]


def test_a_webhook_is_made_changed_and_deleted(harness: Harness) -> None:
    """Each answer is the webhook as it is; each change names who made it."""
    made = harness.ask("POST", "webhooks", HOOK | {"deadline": "1h", "profile": "documented"})
    assert made.status_code == 201
    assert made.json() == {
        "slug": "bob-s-hook",
        "name": "Bob's hook",
        "url": "https://bob.example",
        "enabled": True,
        "disabled_at": None,
        "disabled_reason": None,
        "rotating": False,
        "promote_at": None,
        "profile": "documented",
        "summary": True,
        "sender_headers": False,
        "standard_signature": True,
        "answer_may_act": False,
        "links": [],
        "follow_up": [],
        "connect_timeout": "5s",
        "total_timeout": "15s",
        "deadline": "1h",
        "retry_waits": ["2s", "5s", "15s", "30s", "1m"],
        "slots": None,
        "skip_if_late": None,
        "when_failing": None,
        "failing": None,
        "ca_bundle": None,
        "client_certificate": None,
        "receiver_certificate": None,
        "breaker": None,
        "changed": True,
    }

    change = {"slug": "bob", "enabled": False, "total_timeout": "30s"}
    changed = harness.ask("PATCH", "webhooks/bob-s-hook", change).json()
    assert changed["changed"] is True
    assert changed["disabled_at"] == "2026-11-02T03:00:00.000000Z"
    assert changed["disabled_reason"] == "by_hand"
    assert (changed["deadline"], changed["total_timeout"]) == ("1h", "30s")
    again = harness.ask("PATCH", "webhooks/bob", change | {"name": None}).json()
    assert again == changed | {"changed": False}

    assert harness.ask("DELETE", "webhooks/bob").status_code == 204
    check_error(harness.ask("GET", "webhooks/bob"), 404, "not_configured")
    assert changes(harness)[:3] == [
        ("token:can-administer", "webhook.deleted", "bob"),
        ("token:can-administer", "webhook.changed", "bob"),
        ("token:can-administer", "webhook.created", "bob-s-hook"),
    ]


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
URLS = st.sampled_from(
    [
        "https://Bob.EXAMPLE",
        "https://bob.example/",
        "https://bob.example//",
        "http://bob.example:80?",
        "https://bob.example:443/%2f/%2F?a=%20&a",
        "https://bob.example/\u00e9",
    ]
) | st.builds("https://bob.example/{}".format, TEXTS)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(url=URLS)
def test_a_url_comes_back_as_it_was_typed(harness: Harness, url: str) -> None:
    """To the letter, by POST and by PATCH, or it is refused with the reason."""
    answer = harness.ask("PATCH", "webhooks/siren", {"url": url})
    try:
        check_webhook_url(url)
    except InvalidWebhookUrl as refusal:
        check_error(answer, refusal.status_hint, refusal.code)
        return
    assert answer.json()["url"] == url
    assert harness.ask("GET", "webhooks/siren").json()["url"] == url


def test_follow_ups_are_chosen_and_stay_until_others_are(harness: Harness) -> None:
    """In one order, each once; a word that is none is named."""
    asked = ["reopened", "acknowledged", "reopened"]
    made = harness.ask("POST", "webhooks", HOOK | {"follow_up": asked}).json()
    assert made["follow_up"] == ["acknowledged", "reopened"]
    changed = harness.ask("PATCH", "webhooks/bob-s-hook", {"deadline": "1h"}).json()
    assert changed["follow_up"] == ["acknowledged", "reopened"]
    assert harness.ask("PATCH", "webhooks/bob-s-hook", {"follow_up": []}).json()["follow_up"] == []
    refused = harness.ask("PATCH", "webhooks/bob-s-hook", {"follow_up": ["acked"]})
    assert refused.status_code == 422
    assert "'acknowledged', 'resolved' or 'reopened'" in refused.text


def test_a_url_is_shown_to_administrators_only(harness: Harness) -> None:
    """It may hold a secret: other scopes get null, in lists too."""
    for scope in (Scope.READ, Scope.RESPOND):
        assert harness.ask("GET", "webhooks/pager", scope=scope).json()["url"] is None
        listed = harness.ask("GET", "webhooks", scope=scope)
        assert "example" not in listed.text
    urls = [each["url"] for each in harness.ask("GET", "webhooks").json()["items"]]
    assert urls == ["https://pager.example/hook?to=ops", "http://siren.example:8080/"]


def test_an_auth_code_is_shown_and_that_is_written_down(harness: Harness) -> None:
    """In both spellings, to administrators; no other answer has it."""
    shown = harness.ask("GET", "webhooks/pager/auth-code").json()
    assert shown["auth_code"] == "~Bob-knows-this-auth-code-from-before"
    assert shown["standard_secret"].startswith("whsec_")
    assert changes(harness)[0][1:] == ("webhook.auth_code_shown", "pager")
    harness.ask("PATCH", "webhooks/pager", {"auth_code": "another-one-from-Carol"})
    assert harness.ask("GET", "changes").json()["items"][0]["secrets"] == ["auth_code"]
    assert "Carol" not in harness.ask("GET", "changes").text


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"url": "https://bob.example/#x"}, 422, "invalid_webhook_url"),
        ({"url": "http://169.254.169.254/"}, 422, "webhook_address_refused"),
        ({"auth_code": "short"}, 422, "invalid_auth_code"),
        ({"connect_timeout": "30s"}, 422, "invalid_webhook_options"),
        ({"retry_waits": ["0s"]}, 422, "invalid_webhook_options"),
        ({"retry_waits": ["2s", "2h"]}, 422, "invalid_webhook_options"),
        ({"retry_waits": []}, 422, "invalid_request"),
        ({"retry_waits": ["2s"] * 11}, 422, "invalid_request"),
        ({"slots": -1}, 422, "invalid_request"),
        ({"slots": 65}, 422, "invalid_request"),
        ({"name": "Pager"}, 409, "already_configured"),
    ],
)
def test_a_webhook_that_cannot_work_is_refused(
    harness: Harness, more: dict[str, Any], status: int, code: str
) -> None:
    """With the reason, and nothing is made."""
    check_error(harness.ask("POST", "webhooks", HOOK | more), status, code)
    assert len(harness.ask("GET", "webhooks").json()["items"]) == 2


def test_a_webhook_that_is_called_cannot_be_deleted(harness: Harness) -> None:
    """409 that names what calls it; so for policies and teams."""
    for path, by in (
        ("webhooks/pager", "ops/primary"),
        ("policies/ops/primary", "db"),
        ("teams/ops", "ops/primary, ops/second"),
    ):
        error = check_error(harness.ask("DELETE", path), 409, "still_needed")
        assert error["fields"]["needed_by"] == by


def test_a_policy_is_made_said_anew_and_deleted(harness: Harness) -> None:
    """Steps show their time from the start; other steps make a new version."""
    step = {"after": "5m", "webhooks": ["pager"]}
    text = {"name": "Night", "steps": [step, step], "repeat": {"times": 2, "after": "15m"}}
    made = harness.ask("POST", "policies", text | {"team": "ops"})
    assert made.status_code == 201
    assert (made.json()["path"], made.json()["version"]) == ("ops/night", 1)
    assert [each["at"] for each in made.json()["steps"]] == ["5m", "10m"]
    assert made.json()["repeat"] == {"times": 2, "after": "15m"}

    same = harness.ask("PUT", "policies/ops/night", text).json()
    assert (same["changed"], same["version"]) == (False, 1)
    other = harness.ask("PUT", "policies/ops/night", text | {"steps": [step], "slug": "late"})
    assert (other.json()["path"], other.json()["version"]) == ("ops/late", 2)
    assert harness.ask("GET", "policies/ops/late").json() | {"changed": True} == other.json()
    assert harness.ask("DELETE", "policies/ops/late").status_code == 204
    paths = [each["path"] for each in harness.ask("GET", "policies").json()["items"]]
    assert paths == ["ops/primary", "ops/second"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"team": "nobody"}, "unknown_name"),
        ({"steps": [{"after": "0s", "webhooks": ["nobody"]}]}, "unknown_name"),
        ({"steps": [{"after": "0s", "webhooks": []}]}, "invalid_policy"),
        ({"steps": [{"after": "5", "webhooks": ["pager"]}]}, "invalid_request"),
        ({"steps": [{"after": 5, "webhooks": ["pager"]}]}, "invalid_request"),
        ({"repeat": {"times": 0, "after": "1m"}}, "invalid_request"),
        ({"name": "\0"}, "invalid_name"),
    ],
)
def test_a_policy_that_cannot_work_is_refused(
    harness: Harness, more: dict[str, Any], code: str
) -> None:
    """422 with the reason."""
    policy = {"team": "ops", "name": "Night", "steps": [{"after": "0s", "webhooks": ["pager"]}]}
    check_error(harness.ask("POST", "policies", policy | more), 422, code)


def test_teams_are_made_renamed_and_deleted(harness: Harness) -> None:
    """The slug comes from the name unless it is given."""
    made = harness.ask("POST", "teams", {"name": "Data Base"})
    assert made.status_code == 201
    assert made.json() == {"slug": "data-base", "name": "Data Base", "changed": True}
    renamed = harness.ask("PATCH", "teams/data-base", {"name": "DBA", "slug": "dba"}).json()
    assert renamed == {"slug": "dba", "name": "DBA", "changed": True}
    assert harness.ask("PATCH", "teams/dba", {}).json()["changed"] is False
    slugs = [each["slug"] for each in harness.ask("GET", "teams").json()["items"]]
    assert slugs == ["dba", "ops"]
    assert harness.ask("DELETE", "teams/dba").status_code == 204
    check_error(harness.ask("POST", "teams", {"name": "Operations", "slug": "ops"}), 409)


def test_a_routing_key_leads_where_it_is_told(harness: Harness) -> None:
    """In any case; without it the default routing takes its alerts."""
    text = {"policies": ["ops/second"], "opens_on": ["CRITICAL", "WARNING"]}
    put = harness.ask("PUT", "routing-keys/Web", text).json()
    assert put == text | {"key": "web", "changed": True}
    assert harness.ask("PUT", "routing-keys/web", text).json()["changed"] is False
    keys = [each["key"] for each in harness.ask("GET", "routing-keys").json()["items"]]
    assert keys == ["db", "web"]

    route = harness.ask("GET", "routes/WEB").json()
    assert (route["key"], route["is_known"]) == ("web", True)
    assert [each["path"] for each in route["policies"]] == ["ops/second"]
    assert harness.ask("DELETE", "routing-keys/web").status_code == 204
    assert harness.ask("GET", "routes/web").json()["is_known"] is False
    assert harness.ask("GET", "routes/no%20key").json()["key"] is None
    check_error(harness.ask("PUT", "routing-keys/no%20key", text), 400, "invalid_routing_key")


def test_the_default_routing_has_a_path_of_its_own(harness: Harness) -> None:
    """`default` is a routing key like any other."""
    assert harness.ask("GET", "default-routing").json()["policies"] == ["ops/second"]
    put = harness.ask("PUT", "default-routing", {"policies": ["ops/primary"]}).json()
    assert put == {"policies": ["ops/primary"], "opens_on": ["CRITICAL"], "changed": True}
    assert harness.ask("GET", "routes/default").json()["is_known"] is False
    assert harness.ask("DELETE", "default-routing").status_code == 204
    assert harness.ask("GET", "default-routing").json()["policies"] == []
    check_error(harness.ask("DELETE", "default-routing"), 404, "not_configured")


def test_an_alert_key_is_shown_once(harness: Harness) -> None:
    """When it is made, with the URL to paste; never again."""
    made = harness.ask("POST", "keys", {"name": "icinga"}).json()
    assert made["url"].endswith(f"/integrations/generic/20131114/alert/{made['key']}/")
    assert made["hint"] == f"{made['key'][:4]}..."
    listed = harness.ask("GET", "keys", scope=Scope.READ)
    assert made["key"] not in listed.text
    assert ALERT_KEY not in listed.text
    assert [each["name"] for each in listed.json()["items"]] == ["alertmanager", "icinga"]
    harness.ask("DELETE", "keys/icinga")
    assert harness.ask("GET", "keys").json()["items"][1]["revoked_at"] is not None
    check_error(harness.ask("DELETE", "keys/icinga"), 404, "not_configured")
    twice = {"name": "other", "key": ALERT_KEY}
    check_error(harness.ask("POST", "keys", twice), 409, "alert_key_in_force")


def test_a_token_is_shown_once_and_the_last_administrator_stays(harness: Harness) -> None:
    """Nobody can lock everybody out."""
    made = harness.ask("POST", "tokens", {"name": "deploy", "scope": "respond"})
    assert made.status_code == 201
    assert made.json()["token"] not in harness.ask("GET", "tokens").text
    headers = {"authorization": f"Bearer {made.json()['token']}"}
    assert harness.http.get("/api/v1/status", headers=headers).status_code == 200
    check_error(harness.ask("DELETE", "tokens/can-administer"), 409, "last_administrator")
    check_error(harness.ask("DELETE", "tokens/nobody"), 404, "token_not_found")
    check_error(harness.ask("POST", "tokens", {"name": "deploy", "scope": "read"}), 409)
    check_error(harness.ask("POST", "tokens", {"name": "x", "scope": "all"}), 422)


FILE = """
webhooks:
  carol: {name: Carol, url: "https://carol.example/"}
alert_keys:
  grafana: {}
"""


def test_a_file_is_applied_as_a_whole(harness: Harness) -> None:
    """A dry run changes nothing; applying shows made keys once; again, it changes nothing."""
    given_file = {"text": FILE, "filename": "tocsin.yaml"}

    dry = harness.ask("POST", "configuration/apply", given_file | {"dry_run": True}).json()
    assert (dry["changed"], dry["dry_run"], dry["keys"]) == (False, True, {})
    assert [(each["effect"], each["kind"], each["key"]) for each in dry["differences"]] == [
        ("created", "webhook", "carol"),
        ("created", "alert key", "grafana"),
    ]
    check_error(harness.ask("GET", "webhooks/carol"), 404)

    applied = harness.ask("POST", "configuration/apply", given_file).json()
    assert applied["changed"] is True
    key = applied["keys"]["grafana"]
    assert key not in applied["text"]
    assert harness.post_alert({"message_type": "INFO"}, key=key).status_code == 200

    again = harness.ask("POST", "configuration/apply", given_file).json()
    assert (again["changed"], again["differences"], again["keys"]) == (False, [], {})
    assert changes(harness)[0][0] == "token:can-administer"


def test_pruning_deletes_what_a_section_does_not_mention(harness: Harness) -> None:
    """And only that."""
    given_file = {"text": "alert_keys: {}\n", "prune": True}
    applied = harness.ask("POST", "configuration/apply", given_file).json()
    assert [(each["effect"], each["key"]) for each in applied["differences"]] == [
        ("deleted", "alertmanager")
    ]
    assert harness.post_alert({"message_type": "INFO"}).status_code == 404


def test_a_file_with_mistakes_changes_nothing(harness: Harness) -> None:
    """All of them are named, each with file, line and field."""
    text = FILE + "teams: {ops: {policies: {primary: {steps: [{after: 5, webhooks: [x]}]}}}}\n"
    body = {"text": text, "filename": "tocsin.yaml"}
    for more in ({}, {"dry_run": True}):
        answer = harness.ask("POST", "configuration/apply", body | more)
        error = check_error(answer, 422, "configuration_mistakes")
        assert "tocsin.yaml:6: teams.ops.policies.primary.steps[1]" in error["message"]
    check_error(harness.ask("GET", "webhooks/carol"), 404)


def test_the_export_applied_changes_nothing(harness: Harness) -> None:
    """With secrets or without, and only the former has them."""
    for secrets in (False, True):
        answer = harness.ask("GET", "configuration/export", params={"secrets": secrets})
        assert answer.headers["content-type"].startswith("application/yaml")
        assert ("~Bob-knows" in answer.text) is secrets
        applied = harness.ask("POST", "configuration/apply", {"text": answer.text}).json()
        assert applied["differences"] == []


def test_changes_are_read_page_by_page(harness: Harness) -> None:
    """Newest first."""
    for number in range(3):
        harness.ask("POST", "teams", {"name": f"Team {number}"})
    everything = harness.ask("GET", "changes").json()["items"]
    page = harness.ask("GET", "changes", params={"limit": 2}).json()
    rest = harness.ask("GET", "changes", params={"cursor": page["next_cursor"]}).json()["items"]
    assert page["items"] + rest == everything
    assert everything[0]["after"] == {"slug": "team-2", "name": "Team 2"}


def test_the_engine_is_paused_and_resumed(harness: Harness) -> None:
    """A dry run of resuming lists what would go out at once; resuming wakes the engine."""
    harness.open_incident()
    assert harness.ask("POST", "pause").json() == {"paused": True, "changed": True}
    assert harness.ask("POST", "pause").json() == {"paused": True, "changed": False}
    assert harness.ask("GET", "status").json()["paused"] is True
    assert harness.ask("GET", "upcoming").json()["paused"] is True

    dry = harness.ask("POST", "resume", {"dry_run": True}).json()
    assert (dry["paused"], dry["changed"], dry["due_now"]["steps"]) == (True, False, 1)
    assert [(each["what"], each["policy"]) for each in dry["items"]] == [("step", "ops/primary")]

    harness.news.clear()
    resumed = harness.ask("POST", "resume").json()
    assert (resumed["paused"], resumed["changed"]) == (False, True)
    assert any(news.work_due_at is not None for news in harness.news)
    assert harness.ask("POST", "resume").json()["changed"] is False

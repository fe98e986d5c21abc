"""Integrations: alert keys with what came by them, settings that work as they stand, and heartbeats."""

from datetime import timedelta

import pytest
from tests.api.harness import ALERT_KEY
from tests.web.harness import Answer, People

from tocsin.domain.intake import settings_for_alerts, settings_for_heartbeat

HOSTILE = '<script>alert("x")</script>\u202e' + "x" * 500


def pasted(answer: Answer) -> list[str]:
    """What the buttons of a page copy."""
    return [given["data-copy"] for _, given in answer.page.tags if "data-copy" in given]


def test_a_key_is_made_shown_once_and_revoked(people: People) -> None:
    """It lets alerts in at once, until it is revoked; nobody sees it a second time."""
    ada = people.administrator
    made = ada.post_and_follow("/alert-keys", {"name": "nagios", "key": ""})
    assert "The key nagios is in force" in made.words
    key = pasted(made)[0]
    assert people.harness.post_alert({"message_type": "INFO"}, key=key).status_code == 200
    page = ada.get("/alert-keys")
    assert key not in page.text
    assert "nagios" in page.words

    done = ada.post_and_follow("/alert-keys/nagios/revoke")
    assert "The alert key nagios is revoked" in done.words
    assert people.harness.post_alert({"message_type": "INFO"}, key=key).status_code == 404
    assert "Revoked keys (1)" in done.words


def test_a_key_may_be_brought_and_a_mistake_is_told_beside_the_form(people: People) -> None:
    """What was typed stays, but for the key."""
    ada = people.administrator
    made = ada.post_and_follow("/alert-keys", {"name": "old", "key": "key-of-the-old-one"})
    assert pasted(made)[0] == "key-of-the-old-one"
    again = ada.post("/alert-keys", {"name": "newer", "key": "key-of-the-old-one"})
    assert (again.status, "the key of 'old'" in again.words) == (409, True)
    assert ("name", "newer") in again.page.form("/alert-keys?routing_key=db").fields
    assert "key-of-the-old-one" not in again.text
    assert again.text.index("Make a key") < again.text.index("<table"), "where it is seen at once"


def test_what_is_to_be_pasted_is_what_was_proved(people: People) -> None:
    """The settings for this server, with the key that was just made, and the routing key that was chosen."""
    ada = people.administrator
    server = "https://tocsin.example"
    before = ada.get("/alert-keys?routing_key=DB")
    for each in settings_for_alerts(server, key="ALERT_KEY", routing_key="db"):
        assert each.text in pasted(before)
    made = ada.post_and_follow("/alert-keys?routing_key=db", {"name": "fresh"})
    for each in settings_for_alerts(server, key=pasted(made)[0], routing_key="db"):
        assert each.text in pasted(made)


def test_without_a_routing_key_it_works_as_it_is_pasted(people: People) -> None:
    """The default routing takes what the settings name, and no word is left to be replaced but the key."""
    harness, ada = people.harness, people.administrator
    assert "ROUTING_KEY" in "".join(pasted(ada.get("/integrations")))
    ada.post_and_follow("/routing/default", {"policy": "ops/primary", "opens": "CRITICAL"})
    ada.post_and_follow("/routing/keys/db/delete")
    assert "ROUTING_KEY" not in "".join(pasted(ada.get("/integrations")))
    made = ada.post_and_follow("/alert-keys", {"name": "fresh"})
    key, url, *settings = pasted(made)
    assert not any("ROUTING_KEY" in text or "ALERT_KEY" in text for text in (url, *settings))
    path = url.removeprefix("https://tocsin.example")
    alert = {"message_type": "CRITICAL", "entity_id": "test/disk"}
    assert harness.http.post(path, json=alert).status_code == 200
    assert key in path
    (incident,) = harness.ask("GET", "incidents").json()["items"]
    assert incident["entity_id"] == "test/disk"


def test_each_key_says_what_paged_nobody_and_why(people: People) -> None:
    """And those who may not change anything see it, too."""
    harness = people.harness
    for type_ in ("CRITICAL", "FLAPPING", "WARNING"):
        harness.post_alert({"message_type": type_, "entity_id": type_})
    words = people.viewer.get("/alert-keys").words
    assert "1 had a message type that does not exist, and counted as INFO" in words
    assert "1 had a type that opens no incident under its routing key" in words
    assert "Make a key" not in words
    overview = people.viewer.get("/integrations").words
    assert "3 alerts came by them, of which 2 paged nobody" in overview


def test_who_has_no_alert_yet_is_taught_how_to_send_one(people: People) -> None:
    """Until the first has come."""
    assert "Send the first alert" in people.viewer.get("/alert-keys").words
    people.harness.post_alert({"message_type": "INFO"})
    assert "Send the first alert" not in people.viewer.get("/alert-keys").words


def test_what_was_refused_lately_is_shown_with_its_reason(people: People) -> None:
    """Without its key, and whatever was sent."""
    harness = people.harness
    harness.post_alert({"entity_id": HOSTILE})
    harness.post_alert({"message_type": "CRITICAL"}, key="no-such-key-of-ours")
    harness.drain()
    page = people.viewer.get("/alert-keys")
    assert "Missing fields: message_type" in page.words
    assert "no-such-key-of-ours" not in page.text
    assert "<script>alert" not in page.text
    assert ALERT_KEY not in page.text


def test_a_heartbeat_is_added_changed_paused_and_removed(people: People) -> None:
    """With the lines that its job runs, for this server."""
    ada = people.administrator
    added = ada.post_and_follow(
        "/heartbeats", {"slug": "backup", "name": "Nightly backup", "every": "24h", "grace": "30m"}
    )
    assert "It has not called yet" in added.words
    for each in settings_for_heartbeat("https://tocsin.example", "backup"):
        assert each.text in pasted(added)
    path = "/heartbeats/backup"
    assert (
        "Nothing was changed" in ada.post_and_follow(path, dict(added.page.form(path).fields)).words
    )
    changed = ada.post_and_follow(
        path, {"name": "Backup", "every": "12h", "grace": "0s", "routing_key": "db"}
    )
    assert "12h, and 0s of grace" in changed.words
    assert ("routing_key", "db") in changed.page.form(path).fields
    assert "nobody waits for its calls" in ada.post_and_follow(f"{path}/pause").words
    assert "its interval begins now" in ada.post_and_follow(f"{path}/resume").words
    assert "was removed" in ada.post_and_follow(f"{path}/delete").words
    assert ada.get(path).status == 404


def test_a_form_opened_before_somebody_else_saved_undoes_nothing(people: People) -> None:
    """It is told what differs, keeps what was typed, and is saved by saving it again."""
    ada, path = people.administrator, "/heartbeats/backup"
    ada.post("/heartbeats", {"slug": "backup", "name": "Backup", "every": "24h", "grace": "30m"})

    def fields() -> dict[str, str]:
        return dict(ada.get(path).page.form(path).fields)

    mine = fields() | {"grace": "1h"}
    ada.post_and_follow(path, fields() | {"every": "12h"})
    refused = ada.post(path, mine)
    assert refused.status == 409
    assert "differs from what is in force in: every and grace." in refused.words
    assert dict(ada.get(path).page.form(path).fields)["every"] == "12h"
    kept = dict(refused.page.form(path).fields)
    assert (kept["every"], kept["grace"]) == ("1d", "1h")
    ada.post_and_follow(path, kept | {"every": "12h"})
    assert (fields()["every"], fields()["grace"]) == ("12h", "1h")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"slug": "Not A Slug", "every": "1h"}, "slug"),
        ({"slug": "ok", "every": "1"}, "seconds or minutes"),
        ({"slug": "ok", "every": "1s"}, "Write an interval"),
        ({"slug": "ok", "every": "1h", "routing_key": "no spaces"}, "routing key"),
    ],
)
def test_a_mistake_in_a_heartbeat_is_told_beside_its_form(
    people: People, fields: dict[str, str], says: str
) -> None:
    """And what was typed stays."""
    answer = people.administrator.post("/heartbeats", fields)
    assert answer.status in (400, 422)
    (told,) = [given for _, given in answer.page.tags if given.get("role") == "alert"]
    assert told
    assert says in answer.words
    assert ("slug", fields["slug"]) in answer.page.form("/heartbeats").fields
    if "routing_key" in fields:
        assert ("routing_key", "no spaces") in answer.page.form("/heartbeats").fields


def test_states_are_words(people: People) -> None:
    """A job that never called, one that is on time, and one that is late."""
    ada, harness = people.administrator, people.harness
    for slug in ("never", "called"):
        ada.post("/heartbeats", {"slug": slug, "every": "10m", "grace": "5m"})
    harness.http.get(f"/integrations/heartbeat/{ALERT_KEY}/called", params={"status": "0"})
    words = people.viewer.get("/heartbeats").words
    assert "never called" in words
    harness.clock.advance(timedelta(minutes=11))
    assert "late" in people.viewer.get("/heartbeats").words
    assert "Wait for it" not in words


def test_a_heartbeat_leads_to_its_incident(people: People) -> None:
    """And to no other; what is due is a time, or says why there is none."""
    ada, harness = people.administrator, people.harness
    for slug in ("broken", "resting"):
        ada.post("/heartbeats", {"slug": slug, "every": "10m", "grace": "5m"})
    ada.post("/heartbeats/resting/pause")
    harness.post_alert({"message_type": "CRITICAL", "entity_id": "another"})
    harness.http.get(f"/integrations/heartbeat/{ALERT_KEY}/broken", params={"status": "1"})
    shown = ada.get("/heartbeats")
    assert "failed Its incident" in shown.words
    assert "paused the default routing" in shown.words
    for link in (
        shown.page.links["Its incident"],
        ada.get("/heartbeats/broken").page.links["an incident"],
    ):
        words = ada.get(link).words
        assert "broken" in words
        assert "another" not in words


def test_without_any_the_pages_teach(people: People) -> None:
    """What would be there, and how it comes there."""
    words = people.administrator.get("/heartbeats").words
    assert "No heartbeat yet" in words
    assert "curl -fsS" in words
    people.administrator.post("/alert-keys/alertmanager/revoke")
    assert "No alert key yet" in people.administrator.get("/alert-keys").words

"""What an apply would do, what it did, and what to look at: told without a secret."""

from tests.configuration.editing import BASE, NOW, Alice, refused

from tocsin.actions.apply import plan, read_configuration_file
from tocsin.domain.configuration_file.report import report_text


def test_who_changed_what_is_written_down_without_secrets(alice: Alice) -> None:
    """One row an object, with what differs; of a secret only that it changed."""
    alice.apply(BASE)
    assert {(change.actor, change.at) for change in alice.changes()} == {("alice", NOW)}
    assert sorted((change.action, change.object) for change in alice.changes()) == [
        ("alert_key.created", "nagios"),
        ("policy.created", "db/primary"),
        ("routing_key.created", "default"),
        ("routing_key.created", "web"),
        ("team.created", "db"),
        ("webhook.created", "bridge"),
        ("webhook.created", "pager"),
    ]
    alice.apply(BASE.replace("/a'", "/b', name: Beeper").replace("10m", "5m"))
    policy, webhook = alice.changes()[:2]
    assert (webhook.before, webhook.after) == ({"name": "pager"}, {"name": "Beeper"})
    assert webhook.secrets == ("url",)
    assert policy.before["steps"][1] == {"after": "10m", "webhooks": ["pager", "bridge"]}
    assert policy.after["steps"][1]["after"] == "5m"
    told = repr(alice.changes())
    assert "example" not in told
    assert "0123456789" not in told
    assert "key-of" not in told


def test_what_would_surprise_is_warned_of(alice: Alice) -> None:
    """It is applied all the same, because it may be meant."""
    text = """\
webhooks:
  off: {url: 'https://a.example/', enabled: false}
  unused: {url: 'https://a.example/'}
teams:
  db:
    policies:
      empty: {steps: []}
      mute: {steps: [{after: 0s, webhooks: [off]}]}
routing_keys:
  web: {policies: [db/mute]}
"""
    assert [advice.text() for advice in alice.apply(text).warnings] == [
        "default_routing: there is none, so an alert with an unknown routing key pages nobody; name a policy",
        "alert_keys: there is none, so nothing can send alerts; add one",
        "teams.db.policies.empty: no routing key leads to it, so no alert starts it",
        "teams.db.policies.empty: it has no steps and pages nobody",
        "teams.db.policies.mute.steps[1]: it reaches nobody: its webhooks are disabled",
        "webhooks.unused: no policy calls it",
    ]


def test_an_address_that_may_not_be_reached_is_told_when_it_is_saved(alice: Alice) -> None:
    """With the line that would allow it, in every spelling of the address."""
    text = "webhooks:\n  a: {url: 'http://127.0.0.1:9/'}\n  b: {url: 'http://0x7f.1/'}\n"
    first, second = refused(alice, text)
    assert first.startswith("f:2: webhooks.a.url: 127.0.0.1 is a loopback address")
    assert "TOCSIN_WEBHOOK_NETWORKS=public,private,loopback" in first
    assert second.startswith("f:3: webhooks.b.url: 127.0.0.1 is a loopback address")


def test_a_dry_run_tells_the_same_and_changes_nothing(alice: Alice) -> None:
    """The plan is the apply's own."""
    file = read_configuration_file(BASE.encode(), name="tocsin.yaml")
    with alice.database.read() as tx:  # which on SQLite could not write
        report = plan(
            tx, file, vault=alice.vault, networks=alice.editor.networks, now=alice.editor.now
        )
    assert alice.changes() == []
    applied = alice.apply(BASE)
    assert report_text(report, is_dry_run=False) == report_text(applied, is_dry_run=False)

"""Heartbeats in files: what they may say, and what applying them does."""

from dataclasses import replace

import pytest
from tests.configuration.editing import Alice, effects, in_force, refused

from tocsin.store.heartbeats import lock_heartbeats, save_heartbeats

FILE = "heartbeats: {backup: {name: Backup, every: 24h, grace: 30m}}"


def test_what_is_described_is_in_force_and_applying_again_changes_nothing(alice: Alice) -> None:
    """Slug, times and routing key; the interval counts from then."""
    assert effects(alice.apply(FILE)) == "+ heartbeat backup"
    (made,) = in_force(alice).heartbeats.values()
    assert (made.slug, made.name, made.routing_key) == ("backup", "Backup", "")
    assert made.due_at == made.created_at + made.every + made.grace
    assert not alice.apply(FILE).is_changed
    (change,) = alice.changes()
    assert (change.action, change.object) == ("heartbeat.created", "backup")


def test_pausing_is_kept_unless_the_file_says_otherwise(alice: Alice) -> None:
    """Applying a file again does not resume what somebody paused."""
    alice.apply(FILE.replace("30m", "30m, paused: true"))
    assert in_force(alice).heartbeats["backup"].due_at is None
    assert not alice.apply(FILE).is_changed
    assert effects(alice.apply(FILE.replace("30m", "30m, paused: false"))) == "~ heartbeat backup"
    assert in_force(alice).heartbeats["backup"].due_at is not None


def test_a_new_name_or_routing_key_leaves_its_time_alone(alice: Alice) -> None:
    """Only what changes its time lets the interval begin again."""
    alice.apply(FILE)
    with alice.database.write() as tx:
        (beat,) = lock_heartbeats(tx, ["backup"])
        assert beat.due_at is not None
        earlier = beat.due_at - beat.grace
        save_heartbeats(tx, [replace(beat, due_at=earlier)])
    alice.apply(FILE.replace("Backup", "Dump").replace("24h", "24h, routing_key: OPS"))
    changed = in_force(alice).heartbeats["backup"]
    assert (changed.name, changed.routing_key, changed.due_at) == ("Dump", "ops", earlier)
    alice.apply(FILE.replace("30m", "31m"))
    assert in_force(alice).heartbeats["backup"].due_at != earlier


def test_pruning_removes_what_the_file_does_not_mention(alice: Alice) -> None:
    """Of a file that has the part."""
    alice.apply(FILE)
    assert not alice.apply("teams: {}", prune=True).is_changed
    assert effects(alice.apply("heartbeats:", prune=True)) == "- heartbeat backup"
    assert in_force(alice).heartbeats == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Backup: {every: 5m}", "heartbeats.Backup: 'Backup' cannot be a slug"),
        ("backup: {}", "heartbeats.backup: needs to know how often its job calls"),
        ("backup: {every: 5}", "heartbeats.backup.every: Is 5 seconds or minutes?"),
        ("backup: {every: 5s}", "heartbeats.backup.every: 5s is too short: write from 10s to 365d"),
        ("backup: {every: 5m, grace: 32d}", "heartbeats.backup.grace: 32d is too long"),
        ("backup: {every: 5m, routing_key: a b}", "'a b' cannot be a routing key"),
        ("backup: {every: 5m, paused: maybe}", "heartbeats.backup.paused: write true or false"),
        ("backup: {every: 5m, was: dump}", "heartbeats.backup.was: a heartbeat has no such field"),
    ],
)
def test_what_no_job_could_keep_to_is_refused_with_its_place(
    alice: Alice, text: str, said: str
) -> None:
    """And nothing is changed."""
    assert any(said in mistake for mistake in refused(alice, f"heartbeats: {{{text}}}"))


def test_an_alert_that_would_page_nobody_is_warned_of(alice: Alice) -> None:
    """A routing key that is not there, and one under which CRITICAL opens nothing."""
    report = alice.apply(
        """
        teams: {ops: {policies: {a: {steps: []}}}}
        routing_keys: {quiet: {policies: [ops/a], opens_on: [WARNING]}}
        default_routing: {policies: [ops/a]}
        heartbeats: {one: {every: 5m, routing_key: missing}, two: {every: 5m, routing_key: quiet}}
        """
    )
    told = [advice.text() for advice in report.warnings if "heartbeats" in advice.path]
    assert told == [
        "heartbeats.one.routing_key: the routing key 'missing' is not configured, so the default routing takes the alert",
        "heartbeats.two.routing_key: its alert is CRITICAL, which opens no incident there; add CRITICAL to opens_on",
    ]

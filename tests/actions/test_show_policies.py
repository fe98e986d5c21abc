"""What people see of policies: versions and who made them, what runs on them, what fired last."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.actions.desk import Desk
from tests.actions.test_retention_costs import traced

from tocsin.actions import policies, show_policies, teams
from tocsin.actions.incidents import acknowledge
from tocsin.actions.one_object import NotConfigured
from tocsin.actions.policies import ChangedMeanwhile
from tocsin.actions.show_policies import ShownPolicy, show_policy
from tocsin.actions.show_teams import list_shown_teams, show_team
from tocsin.domain.configuration_file.advice import Concern
from tocsin.domain.configuration_file.description import DescribedStep
from tocsin.domain.outcome import Outcome

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """Two policies of one team, and a key that leads to one of them."""
    desk.configure(
        {"primary": [("0s", ["pager", "phone"]), ("5m", ["mail"])], "idle": [("0s", ["mail"])]},
        keys={"db": ["primary"]},
    )
    return desk


def shown(desk: Desk, path: str = "ops/primary") -> ShownPolicy:
    return desk.ask(show_policy, path)


def save(desk: Desk, *steps: DescribedStep, by: str = "bea", made_from: int | None = None) -> None:
    desk.alice.editor = replace(desk.alice.editor, actor=by, now=desk.now)
    desk.alice.does(
        policies.update_policy,
        "ops/primary",
        name="Primary",
        steps=steps,
        repeat=None,
        made_from=made_from,
    )


def test_every_version_says_when_and_by_whom_it_was_made_and_what_differs(ops: Desk) -> None:
    """From the one before it; the first one of a file, among others that the file made."""
    ops.wait(minutes=1)
    second_at = ops.now
    save(ops, DescribedStep(MINUTE, ("pager", "phone")), DescribedStep(5 * MINUTE, ("mail",)))
    ops.wait(minutes=1)
    save(ops, DescribedStep(MINUTE, ("pager",)), by="user:carl")
    latest, second, first = shown(ops).versions
    assert [each.number for each in (latest, second, first)] == [3, 2, 1]
    assert [each.made_by for each in (latest, second, first)] == ["user:carl", "bea", "alice"]
    assert (second.made_at, latest.made_at) == (second_at, ops.now)
    assert (first.differences, second.differences) == (
        None,
        ("Step 1 fires 1 min after the start (was 0 s).",),
    )
    assert latest.differences is not None
    assert "Step 2 is gone: it called mail." in latest.differences
    assert (latest.is_current, second.is_current) == (True, False)
    assert shown(ops).version(2) == second
    with pytest.raises(NotConfigured):
        shown(ops).version(4)


def test_open_incidents_are_counted_on_the_version_that_runs_for_them(ops: Desk) -> None:
    """An acknowledged one runs on none; those that go on with an old version are told."""
    for entity in ("a", "b"):
        ops.opened(entity)
    save(ops, DescribedStep(MINUTE, ("pager",)))
    ops.opened("c")
    third = ops.opened("d")
    ops.change(acknowledge, third, actor="somebody")
    found = shown(ops)
    assert [each.running.text for each in found.versions] == ["1", "2"]
    assert found.on_old_versions.incidents == 2
    (team,) = ops.ask(list_shown_teams).teams
    assert [(each.policy.slug, each.running.incidents) for each in team.policies] == [
        ("idle", 0),
        ("primary", 3),
    ]
    assert team.running.text == "3"


def test_where_too_much_runs_it_is_said_that_it_is_at_least_so_much(
    ops: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody counts a hundred thousand of them for a page."""
    for entity in ("a", "b", "c"):
        ops.opened(entity)
    monkeypatch.setattr(show_policies, "MOST_RUNNING", 2)
    assert shown(ops).versions[0].running.text == "at least 2"
    monkeypatch.setattr(show_policies, "MOST_RUNNING", 3)
    assert shown(ops).versions[0].running.text == "3"


def test_each_step_says_when_it_fired_last_and_was_delivered_last(
    ops: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two different deliveries, if the latest one failed; nothing of a step that has not fired."""
    ops.opened("a")
    leases = [ops.fire().leases[0]]
    ops.record(leases[0], Outcome.DELIVERED, status=200)
    ops.wait(minutes=1)
    ops.opened("b")
    ops.fire()
    first, second = shown(ops).last_fired
    assert first.fired is not None
    assert first.delivered is not None
    assert first.fired.incident == 2
    assert first.fired.fired_at == ops.now
    assert (first.delivered.incident, first.delivered.ended_at) == (1, ops.now - MINUTE)
    assert (second.fired, second.delivered) == (None, None)
    assert shown(ops).fired_since is None
    monkeypatch.setattr(show_policies, "MOST_DELIVERIES", 2)
    assert shown(ops).last_fired[0].delivered is None
    assert shown(ops).fired_since is not None


def test_warnings_are_those_of_the_webhooks_as_they_are(ops: Desk) -> None:
    """What fails, what no key leads to, whom the last step leaves."""
    assert [each.concern for each in shown(ops).advice] == [Concern.NOBODY_LEFT]
    ops.opened("a")
    for lease in ops.fire().leases:
        for _ in range(2):
            ops.record(lease, Outcome.CONNECTION_REFUSED)
    for _ in range(5):
        ops.wait(minutes=4)
        for lease in ops.lease():
            ops.record(lease, Outcome.CONNECTION_REFUSED)
    concerns = {each.concern for each in shown(ops).advice}
    assert Concern.BREAKER_OPEN in concerns
    idle = ops.ask(show_team, "ops").policies[0]
    assert [each.concern for each in idle.warnings] == [Concern.NEVER_STARTED]
    assert (idle.routing_keys, shown(ops).routing_keys) == ((), ("db",))


def test_an_edit_of_a_version_that_was_replaced_meanwhile_is_refused(ops: Desk) -> None:
    """Nothing is overwritten that its editor has not seen; with the new version in hand it is saved."""
    save(ops, DescribedStep(MINUTE, ("pager",)), made_from=1)
    with pytest.raises(ChangedMeanwhile) as refusal:
        save(ops, DescribedStep(2 * MINUTE, ("pager",)), made_from=1)
    assert refusal.value.fields == {"policy": "ops/primary", "made_from": 1, "version": 2}
    save(ops, DescribedStep(2 * MINUTE, ("pager",)), made_from=2)
    assert [each.number for each in shown(ops).versions] == [3, 2, 1]


def test_what_is_not_there_is_refused_with_what_may_have_been_meant(ops: Desk) -> None:
    """As everywhere."""
    with pytest.raises(NotConfigured, match="did you mean 'ops/primary'"):
        shown(ops, "ops/primry")
    with pytest.raises(NotConfigured, match="'data'"):
        ops.ask(show_team, "data")


def test_teams_and_their_policies_come_a_page_at_a_time(ops: Desk) -> None:
    """In order of slug, and nothing is missed or repeated between two pages."""
    for name in ("Alpha", "Zulu"):
        ops.alice.does(teams.create_team, name=name)
    first = ops.ask(list_shown_teams, limit=2)
    assert ([each.team.slug for each in first.teams], first.next_after) == (["alpha", "ops"], "ops")
    second = ops.ask(list_shown_teams, after="ops", limit=2)
    assert ([each.team.slug for each in second.teams], second.next_after) == (["zulu"], None)
    team = ops.ask(show_team, "ops", limit=1)
    assert ([each.policy.slug for each in team.policies], team.next_after) == (["idle"], "idle")
    assert team.policy_count == 2
    rest = ops.ask(show_team, "ops", after="idle", limit=1)
    assert ([each.policy.slug for each in rest.policies], rest.next_after) == (["primary"], None)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nothing_large_is_scanned(ops: Desk) -> None:
    """Deliveries are read from their end, escalations by what is due; the audit by the version's id."""
    ops.opened("a")
    ops.fire()
    with ops.database.read() as tx, traced(tx) as statements:
        show_policy(tx, ops.ask(lambda _, configuration: configuration), "ops/primary")
        asked = [each for each in statements if each.startswith("SELECT")]
        told = [
            str(row[3])
            for each in asked
            for row in tx.core.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}")
        ]
    scanned = {each for each in told if each.startswith("SCAN")}
    assert scanned == {"SCAN webhooks", "SCAN webhook_failures", "SCAN anon_1", "SCAN deliveries"}
    assert any("USING INDEX escalations_due" in each for each in told)
    assert all("LIMIT" in each for each in asked if "FROM deliveries" in each)

"""A file is applied as a whole or not at all, and the second time it changes nothing."""

from datetime import timedelta

from tests.configuration.editing import BASE, NOW, Alice, effects, in_force, refused

from tocsin.domain.alert_key import key_hash
from tocsin.domain.configuration_file.report import report_text
from tocsin.secret import Secret
from tocsin.store.configuration import ConfigurationCache


def test_what_is_described_is_in_force(alice: Alice) -> None:
    """Every object is made, with what the file says of it."""
    alice.apply(BASE)
    now = in_force(alice)
    assert now.webhooks["pager"].url == "https://pager.example/a"
    assert now.webhooks["bridge"].auth_code == Secret("0123456789abcdef")
    assert now.alert_keys["nagios"].hash == key_hash(Secret("key-of-nagios"))
    (first, second) = now.policies["db/primary"].current.steps
    assert (first.delay, second.delay) == (timedelta(0), timedelta(minutes=10))
    assert [target.webhook_id for target in second.targets] == [
        now.webhooks["pager"].id,
        now.webhooks["bridge"].id,
    ]
    assert now.description.routing["web"].policies == ("db/primary",)


def test_applying_again_changes_nothing(alice: Alice) -> None:
    """No new version, no new revision, no row among the changes, no key made again."""
    text = BASE + "  grafana: {}\n"
    first = alice.apply(text)
    assert list(first.made_keys) == ["grafana"]
    cache = ConfigurationCache(alice.vault)
    with alice.database.read() as tx:
        revision = cache.current(tx).revision
    before, changes = in_force(alice), alice.changes()
    report = alice.apply(text)
    assert (report.is_changed, report.made_keys) == (False, {})
    assert (in_force(alice), alice.changes()) == (before, changes)
    with alice.database.read() as tx:
        assert cache.current(tx).revision == revision
    assert report_text(report, is_dry_run=False).endswith("nothing to change.")


def test_a_made_key_is_told_once_and_lets_in(alice: Alice) -> None:
    """The report of the apply that made it holds the key; the database its hash."""
    report = alice.apply(BASE + "  grafana: {}\n")
    made = report.made_keys["grafana"]
    assert in_force(alice).alert_keys["grafana"].hash == key_hash(made)
    assert made.reveal() not in report_text(report, is_dry_run=False)


def test_what_the_file_does_not_mention_stays(alice: Alice) -> None:
    """A second file, about something else, touches nothing of the first."""
    alice.apply(BASE)
    report = alice.apply("webhooks: {third: {url: 'https://third.example/'}}\n")
    assert effects(report) == "+ webhook third"
    assert set(in_force(alice).webhooks) == {"pager", "bridge", "third"}


def test_an_option_left_out_has_its_default(alice: Alice) -> None:
    """A file describes the whole of what it mentions."""
    alice.apply(BASE.replace("/a'}", "/a', profile: documented, deadline: 1h}"))
    report = alice.apply(BASE)
    lines = report_text(report, is_dry_run=False).splitlines()
    assert "    profile: documented -> wire" in lines
    assert "    deadline: 1h -> 15m" in lines
    assert len(report.differences) == 1


def test_an_omitted_auth_code_is_kept_and_a_given_one_is_used(alice: Alice) -> None:
    """Receivers need no change when a file is applied again without its secrets."""
    alice.apply(BASE)
    made = in_force(alice).webhooks["pager"].auth_code
    assert len(made.reveal()) == 36
    alice.apply(BASE.replace(", auth_code: 0123456789abcdef", "").replace("/a", "/b"))
    now = in_force(alice).webhooks
    assert (now["pager"].url, now["pager"].auth_code) == ("https://pager.example/b", made)
    assert now["bridge"].auth_code == Secret("0123456789abcdef")
    report = alice.apply(BASE.replace("0123456789abcdef", "fedcba9876543210"))
    assert in_force(alice).webhooks["bridge"].auth_code == Secret("fedcba9876543210")
    text = report_text(report, is_dry_run=False)
    assert "auth_code: another one" in text
    assert "fedcba" not in text


def test_disabling_is_kept_unless_the_file_says_otherwise(alice: Alice) -> None:
    """A webhook that was disabled stays so when its file is applied again."""
    off = BASE.replace("/a'}", "/a', enabled: false}")
    alice.apply(off)
    assert in_force(alice).webhooks["pager"].disabled_at == NOW
    assert not alice.apply(BASE).is_changed
    report = alice.apply(BASE.replace("/a'}", "/a', enabled: true}"))
    assert "enabled: false -> true" in report_text(report, is_dry_run=False)
    assert in_force(alice).webhooks["pager"].disabled_at is None


def test_other_steps_make_a_new_version_and_keep_the_old_one(alice: Alice) -> None:
    """A running escalation finds the version it started with."""
    alice.apply(BASE)
    old = in_force(alice).policies["db/primary"].current
    report = alice.apply(BASE.replace("10m", "5m"))
    new = in_force(alice).policies["db/primary"].current
    assert (old.number, new.number, old.policy_id) == (1, 2, new.policy_id)
    with alice.database.read() as tx:
        found = ConfigurationCache(alice.vault).versions(tx, [old.id, new.id])
    assert found == {old.id: old, new.id: new}
    assert report_text(report, is_dry_run=False).splitlines()[:4] == [
        "~ policy db/primary",
        "      step 1 at +0s: pager",
        "    - step 2 at +10m: pager, bridge",
        "    + step 2 at +5m: pager, bridge",
    ]


def test_a_new_name_makes_no_new_version(alice: Alice) -> None:
    """Only what an escalation follows is versioned."""
    alice.apply(BASE)
    report = alice.apply(BASE.replace("primary:", "primary:\n        name: Night shift", 1))
    assert report_text(report, is_dry_run=False).splitlines()[:-1] == [
        "~ policy db/primary",
        "    name: primary -> Night shift",
    ]
    policy = in_force(alice).policies["db/primary"]
    assert (policy.name, policy.current.number) == ("Night shift", 1)


def test_a_repeat_is_part_of_the_version(alice: Alice) -> None:
    """It decides what an escalation does, so a changed one makes a version."""
    alice.apply(BASE)
    repeating = BASE.replace("steps:", "repeat: {times: 2, after: 1h}\n        steps:")
    report = alice.apply(repeating)
    current = in_force(alice).policies["db/primary"].current
    assert (current.number, current.length) == (2, 6)
    assert "+ then again from step 1, 2 times, first at +1h10m" in report_text(
        report, is_dry_run=False
    )
    alice.apply(BASE)
    assert in_force(alice).policies["db/primary"].current.repeat is None


RENAMED = """\
webhooks:
  beeper: {was: pager, url: 'https://pager.example/a'}
teams:
  data:
    was: db
    policies:
      first:
        was: primary
        steps:
          - {after: 0s, webhooks: [beeper]}
          - {after: 10m, webhooks: [beeper, bridge]}
alert_keys:
  icinga: {was: nagios}
"""


def test_renaming_keeps_what_a_thing_is(alice: Alice) -> None:
    """Ids, secrets, versions and what refers to them stay; no escalation notices."""
    others = "teams: {web: {}}\nalert_keys: {grafana: {}}\n"
    alice.apply(BASE)
    alice.apply(others)
    before = in_force(alice)
    report = alice.apply(RENAMED)
    assert effects(report) == (
        "~ webhook beeper (was pager); ~ team data (was db); "
        "~ policy data/first (was data/primary); ~ alert key icinga (was nagios)"
    )
    now = in_force(alice)
    assert now.webhooks["beeper"].id == before.webhooks["pager"].id
    assert now.webhooks["beeper"].auth_code == before.webhooks["pager"].auth_code
    assert now.teams["data"].id == before.teams["db"].id
    assert now.policies["data/first"].current == before.policies["db/primary"].current
    assert now.alert_keys["icinga"].id == before.alert_keys["nagios"].id
    assert now.description.routing["web"].policies == ("data/first",)
    assert set(now.webhooks) == {"beeper", "bridge"}
    assert set(now.teams) == {"data", "web"}
    assert set(now.alert_keys) == {"icinga", "grafana"}


def test_a_renaming_that_was_applied_may_stay_in_the_file(alice: Alice) -> None:
    """`was` is true for ever, so applying it again changes nothing."""
    alice.apply(BASE)
    alice.apply(RENAMED)
    changes = alice.changes()
    assert not alice.apply(RENAMED).is_changed
    assert alice.changes() == changes


def test_a_renaming_on_an_empty_server_makes_the_object(alice: Alice) -> None:
    """The same file sets up a second installation."""
    report = alice.apply("teams: {data: {was: db}}")
    assert effects(report) == "+ team data"


def test_renaming_onto_what_exists_is_refused(alice: Alice) -> None:
    """Two objects cannot become one."""
    alice.apply(BASE)
    text = "webhooks:\n  bridge: {was: pager, url: 'https://bridge.example/'}\n"
    assert refused(alice, text) == [
        "f:2: webhooks.bridge.was: both 'pager' and 'bridge' exist; leave was out, or delete one first"
    ]


def test_a_team_renamed_alone_takes_its_policies_along(alice: Alice) -> None:
    """Policies that the file does not mention are found under the new team."""
    alice.apply(BASE)
    report = alice.apply("teams: {data: {was: db}}")
    assert effects(report) == "~ team data (was db)"
    assert not alice.apply("default_routing: {policies: [data/primary]}").is_changed


def test_names_that_lead_nowhere_are_told_with_the_nearest(alice: Alice) -> None:
    """Objects of the file and of the server both count as known; all mistakes come at once."""
    alice.apply(BASE)
    text = """\
webhooks: {chat: {url: 'https://chat.example/'}}
teams:
  db:
    policies:
      second:
        steps:
          - {after: 0s, webhooks: [chat, bridge]}
          - {after: 5, webhooks: [pagger]}
routing_keys:
  web: {policies: [db/second, db/primery]}
"""
    assert refused(alice, text) == [
        "f:8: teams.db.policies.second.steps[2].after: Is 5 seconds or minutes? Write 5s or 5m",
        "f:8: teams.db.policies.second.steps[2].webhooks[1]: there is no webhook 'pagger'; did you mean 'pager'?",
        "f:10: routing_keys.web.policies[2]: there is no policy 'db/primery'; did you mean 'db/primary'?",
    ]


def test_an_old_name_is_answered_with_the_new_one(alice: Alice) -> None:
    """Whoever renames something is told where the old name is still used."""
    alice.apply(BASE)
    text = RENAMED.replace("[beeper, bridge]", "[pager, bridge]")
    (mistake,) = refused(alice, text)
    assert mistake.endswith("the webhook 'pager' is now called 'beeper'; write that")


def test_another_key_for_a_name_revokes_the_old_one(alice: Alice) -> None:
    """Keys may even change places: what counts is what is in force afterwards."""
    two = BASE + "  icinga: {key: key-of-icinga}\n"
    alice.apply(two)
    alice.apply(
        two.replace("key-of-nagios", "x")
        .replace("key-of-icinga", "key-of-nagios")
        .replace("{key: x}", "{key: key-of-icinga}")
    )
    keys = in_force(alice).alert_keys
    assert keys["nagios"].hash == key_hash(Secret("key-of-icinga"))
    assert keys["icinga"].hash == key_hash(Secret("key-of-nagios"))


def test_a_key_in_force_under_another_name_is_refused(alice: Alice) -> None:
    """Revoking one of the two would otherwise do nothing."""
    alice.apply(BASE)
    assert refused(alice, "alert_keys: {zabbix: {key: key-of-nagios}}") == [
        "f:1: alert_keys.zabbix.key: this is the key of 'nagios', which is in force; write 'was: nagios' to rename it"
    ]

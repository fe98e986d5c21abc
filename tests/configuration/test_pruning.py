"""Pruning deletes what a file does not mention, and never what is needed."""

from tests.configuration.editing import BASE, Alice, effects, in_force, refused


def test_pruning_deletes_what_the_parts_of_the_file_do_not_mention(alice: Alice) -> None:
    """Parts that the file does not have are left alone."""
    alice.apply(BASE)
    text = BASE.replace(", bridge", "").replace("  web: {policies: [db/primary]}\n", "  {}\n")
    lines = [line for line in text.splitlines() if "bridge" not in line and "nagios" not in line]
    report = alice.apply("\n".join(lines[:-1]), prune=True)
    assert "- webhook bridge; ~ policy db/primary" in effects(report)
    assert "- routing key web" in effects(report)
    now = in_force(alice)
    assert (set(now.webhooks), set(now.alert_keys)) == ({"pager"}, {"nagios"})
    assert set(now.description.routing) == {""}


def test_pruning_an_empty_part_deletes_all_of_it(alice: Alice) -> None:
    """`alert_keys:` with nothing below it revokes every key."""
    alice.apply(BASE)
    assert effects(alice.apply("alert_keys:\n", prune=True)) == "- alert key nagios"
    assert effects(alice.apply("routing_keys: {}\ndefault_routing:\nteams: {}", prune=True)) == (
        "- team db; - policy db/primary; - default routing; - routing key web"
    )


def test_pruning_never_deletes_what_is_needed(alice: Alice) -> None:
    """A webhook that a kept policy calls, or a policy that a kept routing key names, stays."""
    alice.apply(BASE)
    assert refused(alice, "webhooks: {pager: {url: 'https://x.example/'}}", prune=True) == [
        "f:1: teams.db.policies.primary.steps[2].webhooks[2]: pruning would delete the webhook 'bridge', which is still needed here; describe it in the file too"
    ]
    assert len(refused(alice, "teams: {}", prune=True)) == 2  # the key and the default routing

"""Objects are made, changed and deleted one by one by the rules that files follow."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.configuration.editing import Alice

from tocsin.actions import alert_keys, changes, policies, routing_keys, teams, webhooks
from tocsin.actions.one_object import AlreadyConfigured, NotConfigured, StillNeeded, UnknownName
from tocsin.domain.alert_key import InvalidAlertKey, key_hash
from tocsin.domain.auth_code import InvalidAuthCode
from tocsin.domain.configuration_file.description import DEFAULT_ROUTING, DescribedStep
from tocsin.domain.configuration_file.route import route_lines
from tocsin.domain.display_name import InvalidName
from tocsin.domain.message_type import MessageType
from tocsin.domain.payload import PayloadProfile
from tocsin.domain.policy import InvalidPolicy, Repeat
from tocsin.domain.routing import InvalidRoutingKey
from tocsin.domain.slug import InvalidSlug
from tocsin.domain.webhook_address import WebhookAddressRefused
from tocsin.domain.webhook_options import InvalidWebhookOptions, WebhookOptions
from tocsin.domain.webhook_url import InvalidWebhookUrl
from tocsin.errors import TocsinError
from tocsin.secret import Secret

URL = "https://a.example/hook"
MINUTE = timedelta(minutes=1)


def step(*slugs: str, after: timedelta = MINUTE) -> DescribedStep:
    return DescribedStep(after, slugs)


@pytest.fixture
def configured(alice: Alice) -> Alice:
    """Alice with a webhook `pager`, a team `db` and its policy `db/primary`, reached by `web`."""
    alice.does(webhooks.create_webhook, name="Pager", url=URL)
    alice.does(teams.create_team, name="DB")
    alice.does(policies.create_policy, team="db", name="Primary", steps=[step("pager")])
    alice.does(routing_keys.put_routing, "Web", policies=["db/primary"])
    return alice


def test_a_webhook_gets_a_slug_and_an_auth_code(alice: Alice) -> None:
    """A name and a URL are enough; the URL is kept as it is."""
    made = alice.does(webhooks.create_webhook, name="Café Pager", url="HTTPS://A.example")
    assert (made.slug, made.url, len(made.auth_code.reveal())) == (
        "cafe-pager",
        "HTTPS://A.example",
        36,
    )
    with alice.database.read() as tx:
        assert webhooks.get_webhook(tx, "cafe-pager", alice.vault) == made
        assert webhooks.list_webhooks(tx, alice.vault) == [made]


def test_secrets_of_a_webhook_are_sealed_in_the_database(configured: Alice) -> None:
    """Neither the URL nor the auth code can be read from the rows."""
    from tocsin.store.schema_configuration import webhooks as table

    with configured.database.read() as tx:
        (row,) = tx.core.execute(table.select())
        (webhook,) = webhooks.list_webhooks(tx, configured.vault)
    assert webhook.url == URL
    assert URL not in repr(row)
    assert webhook.auth_code.reveal() not in repr(row)


def test_only_what_is_given_of_a_webhook_changes(configured: Alice) -> None:
    """The rest stays, its secret first of all; a change that changes nothing is not recorded."""
    with configured.database.read() as tx:
        before = webhooks.get_webhook(tx, "pager", configured.vault)
    after = configured.does(
        webhooks.update_webhook,
        "pager",
        new_slug="beeper",
        options=WebhookOptions(profile=PayloadProfile.DOCUMENTED),
    )
    assert after == replace(before, slug="beeper", profile=PayloadProfile.DOCUMENTED)
    recorded = len(configured.changes())
    configured.does(webhooks.update_webhook, "beeper", name="Pager", url=URL)
    assert len(configured.changes()) == recorded
    change = configured.changes()[0]
    assert change.before == {"slug": "pager", "profile": "wire", "key": "pager"}


def test_a_webhook_is_disabled_and_enabled(configured: Alice) -> None:
    """With the instant at which it was."""
    off = configured.does(webhooks.update_webhook, "pager", enabled=False)
    assert off.disabled_at == configured.editor.now
    assert configured.does(webhooks.update_webhook, "pager", enabled=True).disabled_at is None


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({"url": "https://a.example/#x"}, InvalidWebhookUrl),
        ({"url": "http://169.254.169.254/"}, WebhookAddressRefused),
        ({"auth_code": "short"}, InvalidAuthCode),
        ({"name": "a\nb"}, InvalidName),
    ],
)
def test_a_webhook_that_could_not_work_is_refused(
    configured: Alice, facts: dict[str, str], refusal: type[TocsinError]
) -> None:
    """When it is made and when it is changed."""
    made = {"name": "New", "url": URL} | facts
    for action, args in ((webhooks.create_webhook, ()), (webhooks.update_webhook, ("pager",))):
        with pytest.raises(refusal):
            configured.does(action, *args, **(made if action is webhooks.create_webhook else facts))
    with pytest.raises(InvalidSlug):
        configured.does(webhooks.create_webhook, name="New", url=URL, slug="No Slug")


@pytest.mark.parametrize(
    "options",
    [
        {"deadline": timedelta(seconds=9)},
        {"retry_waits": ()},
        {"retry_waits": (timedelta(seconds=2),) * 11},
        {"retry_waits": (timedelta(seconds=2), timedelta(0))},
        {"retry_waits": (timedelta(hours=1, seconds=1),)},
        {"slots": 0},
        {"slots": 65},
        {"deadline": timedelta(days=1, seconds=1)},
        {"total_timeout": timedelta(seconds=61)},
        {"connect_timeout": timedelta(milliseconds=1500)},
        {"connect_timeout": timedelta(seconds=16)},
    ],
)
def test_options_out_of_bounds_are_refused(options: dict[str, timedelta]) -> None:
    """Whoever makes them: file, API or form."""
    with pytest.raises(InvalidWebhookOptions) as refused:
        WebhookOptions(**options)  # type: ignore[arg-type]
    assert refused.value.fields["field"] in options


def test_what_does_not_exist_is_answered_with_the_nearest(configured: Alice) -> None:
    """Reading, changing and deleting alike."""
    with configured.database.read() as tx:
        with pytest.raises(NotConfigured, match="did you mean 'pager'"):
            webhooks.get_webhook(tx, "pagr", configured.vault)
        with pytest.raises(NotConfigured, match="did you mean 'db/primary'"):
            policies.get_policy(tx, "db/primery")
    for action in (webhooks.update_webhook, webhooks.delete_webhook):
        with pytest.raises(NotConfigured, match="did you mean 'pager'"):
            configured.does(action, "pagr")


def test_a_name_that_is_taken_is_refused(configured: Alice) -> None:
    """By making and by renaming; a deleted object's name is free again."""
    configured.does(webhooks.create_webhook, name="Second", url=URL)
    with pytest.raises(AlreadyConfigured):
        configured.does(webhooks.create_webhook, name="pager", url=URL)
    with pytest.raises(AlreadyConfigured):
        configured.does(webhooks.update_webhook, "second", new_slug="pager")
    with pytest.raises(AlreadyConfigured):
        configured.does(teams.create_team, name="db")
    configured.does(webhooks.delete_webhook, "second")
    assert configured.does(webhooks.create_webhook, name="Second", url=URL).slug == "second"


def test_what_is_needed_cannot_be_deleted(configured: Alice) -> None:
    """The refusal names what needs it; bottom up, everything can go."""
    with pytest.raises(StillNeeded, match="'pager' is still needed by db/primary"):
        configured.does(webhooks.delete_webhook, "pager")
    with pytest.raises(StillNeeded, match="needed by web"):
        configured.does(policies.delete_policy, "db/primary")
    with pytest.raises(StillNeeded, match="needed by db/primary"):
        configured.does(teams.delete_team, "db")
    configured.does(routing_keys.delete_routing, "WEB")
    configured.does(policies.delete_policy, "db/primary")
    configured.does(webhooks.delete_webhook, "pager")
    configured.does(teams.create_team, name="Web")
    configured.does(teams.delete_team, "db")
    with configured.database.read() as tx:
        assert webhooks.list_webhooks(tx, configured.vault) == []
        assert policies.list_policies(tx) == []
        assert [team.slug for team in teams.list_teams(tx)] == ["web"]
        assert routing_keys.list_routing(tx, configured.vault) == []


def test_a_deleted_webhooks_secrets_are_gone(configured: Alice) -> None:
    """Its row stays for the deliveries that name it."""
    from tocsin.store.schema_configuration import webhooks as table

    configured.does(webhooks.create_webhook, name="Second", url=URL)
    configured.does(webhooks.delete_webhook, "second")
    with configured.database.read() as tx:
        (row,) = tx.core.execute(table.select().where(table.c.slug == "second"))
    assert (bytes(row.url), bytes(row.auth_code)) == (b"", b"")


def test_showing_an_auth_code_is_written_down(configured: Alice) -> None:
    """Whoever may see a secret is known to have seen it."""
    code, pending = configured.does(webhooks.reveal_auth_codes, "pager")
    assert (len(code.reveal()), pending) == (36, None)
    change = configured.changes()[0]
    assert (change.actor, change.action, change.object) == (
        "alice",
        "webhook.auth_code_shown",
        "pager",
    )


def test_changing_a_policy_makes_a_version(configured: Alice) -> None:
    """Running escalations keep the old one; the name alone makes none."""
    made = configured.does(
        policies.update_policy,
        "db/primary",
        name="Night",
        steps=[step("pager"), step("pager")],
        repeat=Repeat(times=1, after=MINUTE),
        new_slug="night",
    )
    assert (made.policy.path, made.policy.current.number, made.policy.current.length) == (
        "db/night",
        2,
        4,
    )
    same = configured.does(
        policies.update_policy,
        "db/night",
        name="Day",
        steps=made.described.steps,
        repeat=made.described.repeat,
    )
    assert same.policy.current == made.policy.current
    with configured.database.read() as tx:
        assert policies.list_policies(tx) == [same]


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({"steps": [step("pagr")]}, UnknownName),
        ({"team": "web"}, UnknownName),
        ({"steps": [step()]}, InvalidPolicy),
        ({"steps": [step("pager", "pager")]}, InvalidPolicy),
        ({"repeat": Repeat(times=0, after=MINUTE)}, InvalidPolicy),
        ({"name": ""}, InvalidName),
    ],
)
def test_a_policy_that_could_not_work_is_refused(
    configured: Alice, facts: dict[str, object], refusal: type[TocsinError]
) -> None:
    """And nothing of it is kept."""
    recorded = configured.changes()
    with pytest.raises(refusal):
        configured.does(
            policies.create_policy, **({"team": "db", "name": "New", "steps": []} | facts)
        )
    assert configured.changes() == recorded


def test_a_team_is_renamed_with_its_policies(configured: Alice) -> None:
    """They are found under its new slug, and routing keys go on leading to them."""
    renamed = configured.does(teams.update_team, "db", new_slug="data")
    assert (renamed.slug, renamed.name) == ("data", "DB")
    assert configured.does(teams.update_team, "data", name="Data").name == "Data"
    with configured.database.read() as tx:
        assert [each.policy.path for each in policies.list_policies(tx)] == ["data/primary"]
        (routing,) = routing_keys.list_routing(tx, configured.vault)
    assert routing.policies == ("data/primary",)


def test_a_routing_key_is_put_in_any_case(configured: Alice) -> None:
    """Putting it again replaces it; it cannot lead nowhere."""
    types = frozenset({MessageType.CRITICAL, MessageType.WARNING})
    put = configured.does(
        routing_keys.put_routing, "wEb", policies=["db/primary", "db/primary"], opens_on=types
    )
    assert (put.key, put.policies, put.opens_on) == ("web", ("db/primary",), types)
    with configured.database.read() as tx:
        assert routing_keys.list_routing(tx, configured.vault) == [put]
    with pytest.raises(UnknownName, match="did you mean 'db/primary'"):
        configured.does(routing_keys.put_routing, "web", policies=["db/primry"])
    with pytest.raises(routing_keys.LeadsNowhere):
        configured.does(routing_keys.put_routing, "web", policies=[])
    with pytest.raises(InvalidRoutingKey):
        configured.does(routing_keys.put_routing, "a b", policies=["db/primary"])


def test_a_route_is_explained_before_an_alert_is_sent(configured: Alice) -> None:
    """Known, unknown and impossible keys; with the plan, and with what would be silent."""
    vault = configured.vault

    def lines(key: str) -> list[str]:
        with configured.database.read() as tx:
            return route_lines(routing_keys.route_of(tx, key, vault))

    assert lines("WEB") == [
        "The routing key web is configured.",
        "Incidents are opened by CRITICAL.",
        "db/primary (Primary)",
        "    step 1 at +1m: pager",
    ]
    assert lines("other")[0].startswith("The routing key other is not configured: the default")
    assert lines("other")[-1].startswith("warning: default_routing: there is none")
    configured.does(routing_keys.put_routing, DEFAULT_ROUTING, policies=["db/primary"])
    assert lines("other")[2] == lines("a b")[2] == "db/primary (Primary)"
    assert lines("a b")[0].startswith("'a b' cannot be a routing key")
    configured.does(webhooks.update_webhook, "pager", enabled=False)
    assert "its webhooks are disabled" in lines("web")[-1]


def test_an_alert_key_is_shown_once_and_revoked(alice: Alice) -> None:
    """Made or given; listed by name and hint; a revoked one stays on the list."""
    made = alice.does(alert_keys.create_alert_key, name="nagios")
    given = alice.does(alert_keys.create_alert_key, name="icinga", key="key-of-icinga")
    assert made.alert_key.hash == key_hash(made.secret)
    assert (given.secret, given.alert_key.hint) == (Secret("key-of-icinga"), "key...")
    with pytest.raises(alert_keys.AlertKeyInForce, match="the key of 'icinga'"):
        alice.does(alert_keys.create_alert_key, name="second", key="key-of-icinga")
    with pytest.raises(InvalidAlertKey):
        alice.does(alert_keys.create_alert_key, name="second", key="tiny")
    alice.does(alert_keys.revoke_alert_key, "icinga")
    with alice.database.read() as tx:
        shown = alert_keys.list_alert_keys(tx, now=alice.editor.now)
    assert [(each.alert_key.name, each.alert_key.revoked_at) for each in shown] == [
        ("nagios", None),
        ("icinga", alice.editor.now),
    ]
    again = alice.does(alert_keys.create_alert_key, name="icinga", key="key-of-icinga")
    assert again.alert_key.id != given.alert_key.id
    assert made.secret.reveal() not in repr(alice.changes())


def test_keys_are_listed_some_at_a_time(alice: Alice) -> None:
    """Those in force by name from a name on, those that were revoked from the latest on; no more are read."""
    for name in ("a", "b", "c", "d"):
        alice.does(alert_keys.create_alert_key, name=name)
    for name in ("a", "c"):
        alice.does(alert_keys.revoke_alert_key, name)
    alice.does(alert_keys.create_alert_key, name="e")
    now = alice.editor.now
    with alice.database.read() as tx:
        first = alert_keys.list_keys_in_force(tx, now=now, after="", limit=2)
        rest = alert_keys.list_keys_in_force(tx, now=now, after="d", limit=2)
        revoked = alert_keys.list_keys_revoked_last(tx, now=now, limit=1)
    found = [[each.alert_key.name for each in part] for part in (first, rest, revoked)]
    assert found == [["b", "d"], ["e"], ["c"]]


def test_changes_are_listed_from_the_latest(configured: Alice) -> None:
    """In pages, each going on where the one before it ended."""
    with configured.database.read() as tx:
        first = changes.list_changes(tx, limit=3)
        rest = changes.list_changes(tx, before=first[-1].id)
    assert first + rest == configured.changes()
    assert [change.action for change in first + rest] == [
        "routing_key.created",
        "policy.created",
        "team.created",
        "webhook.created",
    ]


def test_a_search_of_changes_reads_only_so_many(configured: Alice) -> None:
    """Each look says below what nobody has looked; together they find each once, and the last says so."""
    every = configured.changes()
    wanted = [each for each in every if each.action.startswith(("policy.", "webhook."))]
    found, before, looks = [], None, 0
    while looks == 0 or before is not None:
        with configured.database.read() as tx:
            page = changes.search_changes(tx, limit=1, about="policy", within=1, before=before)
            rest = changes.search_changes(tx, limit=1, about="webhook", within=1, before=before)
        assert page.unseen_below == rest.unseen_below
        found += page.changes + rest.changes
        before, looks = page.unseen_below, looks + 1
    assert (found, looks) == (wanted, len(every))
    with configured.database.read() as tx:
        whole = changes.search_changes(tx, limit=len(every), within=99)
        by_nobody = changes.search_changes(tx, limit=1, actor="user:nobody", within=99)
        by_most = changes.search_changes(tx, limit=len(every) - 1, within=99)
    assert (whole.changes, whole.unseen_below) == (every, None)
    assert by_nobody == ([], None)
    assert by_most == (every[:-1], every[-2].id)

"""What is exported reads back as what is in force."""

import string
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, timedelta

from hypothesis import given
from hypothesis import strategies as st
from tests.configuration.editing import Alice

from tocsin.actions.apply import read_configuration_file
from tocsin.actions.configuration_file.yaml_text import yaml_text
from tocsin.actions.export import export
from tocsin.domain.auth_code import PendingAuthCode, make_auth_code
from tocsin.domain.configuration_file.description import (
    DescribedAlertKey,
    DescribedHeartbeat,
    DescribedPolicy,
    DescribedRouting,
    DescribedStep,
    DescribedTeam,
    DescribedWebhook,
    Description,
)
from tocsin.domain.follow_up import FollowUp
from tocsin.domain.message_type import MessageType
from tocsin.domain.one_time_link import LinkAction
from tocsin.domain.payload import PayloadProfile
from tocsin.domain.policy import Repeat
from tocsin.domain.webhook_options import WebhookOptions
from tocsin.secret import Secret

FILE = """\
webhooks:
  pager: {url: 'https://pager.example/a?b=c', auth_code: 0123456789abcdef}
  chat: {url: 'http://chat.example', enabled: false, profile: documented, total_timeout: 20s}
teams:
  db:
    name: 'Datenbank: "Nacht" #1'
    policies:
      primary:
        steps: [{after: 90s, webhooks: [pager, chat]}]
        repeat: {times: 2, after: 1h}
      none: {steps: []}
  idle: {}
routing_keys:
  web: {policies: [db/primary, db/none], opens_on: [CRITICAL, INFO]}
default_routing: {policies: [db/primary]}
alert_keys:
  nagios: {key: key-of-nagios}
heartbeats:
  backup: {name: Nightly, every: 24h, grace: 0s, routing_key: WEB, paused: true}
  logs: {every: 1h}
"""


def exported(alice: Alice, *, with_secrets: bool) -> str:
    with alice.database.read() as tx:
        return export(tx, alice.vault, with_secrets=with_secrets)


def test_what_is_exported_changes_nothing_when_it_is_applied(alice: Alice) -> None:
    """With secrets or without them, and pruning too: the file is what is in force."""
    alice.apply(FILE)
    changes = alice.changes()
    for with_secrets in (True, False):
        report = alice.apply(exported(alice, with_secrets=with_secrets), prune=True)
        assert not report.is_changed
    assert alice.changes() == changes


def test_secrets_are_exported_only_on_request(alice: Alice) -> None:
    """Auth codes if they are asked for; alert keys never, and the file says why."""
    alice.apply(FILE)
    without, with_secrets = (exported(alice, with_secrets=choice) for choice in (False, True))
    assert "0123456789abcdef" not in without
    assert "auth_code: 0123456789abcdef" in with_secrets
    for text in (without, with_secrets):
        assert "key-of-nagios" not in text
        assert "# Keys are kept only as hashes and cannot be exported." in text


def test_an_export_sets_up_another_server(alice: Alice) -> None:
    """Applied to nothing, it gives the same, but for the alert keys: new ones are made."""
    alice.apply(FILE)
    text = exported(alice, with_secrets=True)
    alice.apply(
        "teams:\nwebhooks:\nrouting_keys:\ndefault_routing:\nalert_keys:\nheartbeats:\n", prune=True
    )
    report = alice.apply(text)
    assert list(report.made_keys) == ["nagios"]
    assert exported(alice, with_secrets=True) == text


def test_nothing_is_exported_as_a_file_that_says_nothing(alice: Alice) -> None:
    """Also of an empty server."""
    assert not alice.apply(exported(alice, with_secrets=True)).is_changed


def test_the_url_is_exported_byte_for_byte(alice: Alice) -> None:
    """Receivers sign over it, so no part of it may be written another way."""
    for url in (
        "https://A.example",
        "http://a.example:80//x?",
        "https://[2001:4860::1]/%2f?a='b'&c",
    ):
        alice.apply(f'webhooks: {{a: {{url: "{url}"}}}}')
        text = exported(alice, with_secrets=False)
        file = read_configuration_file(text.encode(), name="f")
        assert file.description.webhooks["a"].url == url


SLUGS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True) | st.sampled_from(
    ["null", "true", "on", "0", "1e3", "0x1f", "1-1", "no"]
)
NAMES = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and text.strip())
LENGTHS = st.integers(0, 100_000).map(lambda seconds: timedelta(seconds=seconds))
CHARACTERS = string.ascii_letters + string.digits + "-._~:/?[]!$&'()*+,;=%@\"{}|^`<>"
URLS = st.text(CHARACTERS.replace("@", ""), max_size=30).map(
    lambda rest: f"https://a.example/{rest}"
)
OPTIONS = st.builds(
    WebhookOptions,
    profile=st.sampled_from(PayloadProfile),
    with_summary=st.booleans(),
    with_sender_headers=st.booleans(),
    with_standard_signature=st.booleans(),
    answer_may_act=st.booleans(),
    links=st.sampled_from([(), (LinkAction.RESOLVE,), tuple(LinkAction)]),
    follow_up=st.sampled_from([(), (FollowUp.RESOLVED,), tuple(FollowUp)]),
    connect_timeout=st.integers(1, 20).map(lambda seconds: timedelta(seconds=seconds)),
    total_timeout=st.integers(20, 60).map(lambda seconds: timedelta(seconds=seconds)),
    deadline=st.integers(10, 86_400).map(lambda seconds: timedelta(seconds=seconds)),
    retry_waits=st.lists(
        st.integers(1, 3600).map(lambda seconds: timedelta(seconds=seconds)),
        min_size=1,
        max_size=10,
    ).map(tuple),
    slots=st.none() | st.integers(1, 64),
)
CODES = st.binary(min_size=27, max_size=27).map(make_auth_code) | st.text(
    string.printable[:94], min_size=16, max_size=40
).filter(lambda text: not text.startswith("whsec_")).map(Secret)
WEBHOOKS = st.builds(
    DescribedWebhook,
    slug=SLUGS,
    name=NAMES,
    url=URLS,
    auth_code=CODES,
    options=OPTIONS,
    enabled=st.sampled_from([None, False]),
    pending=st.none()
    | st.builds(PendingAuthCode, CODES, st.none() | st.datetimes(timezones=st.just(UTC))),
).filter(lambda webhook: webhook.pending is None or webhook.pending.code != webhook.auth_code)
STEPS = st.builds(
    DescribedStep, after=LENGTHS, webhooks=st.lists(SLUGS, min_size=1, unique=True).map(tuple)
)
POLICIES = st.builds(
    DescribedPolicy,
    team=st.sampled_from(["db", "web"]),
    slug=SLUGS,
    name=NAMES,
    steps=st.lists(STEPS, max_size=3).map(tuple),
    repeat=st.none()
    | st.builds(
        Repeat,
        times=st.integers(1, 100),
        after=st.integers(1, 9999).map(lambda seconds: timedelta(seconds=seconds)),
    ),
)
OPENING = st.sets(
    st.sampled_from([MessageType.CRITICAL, MessageType.WARNING, MessageType.INFO]), min_size=1
).map(frozenset)
ROUTING = st.builds(
    DescribedRouting,
    key=st.just("") | SLUGS,
    policies=st.lists(
        st.tuples(SLUGS, SLUGS).map("/".join), min_size=1, max_size=3, unique=True
    ).map(tuple),
    opens_on=OPENING,
)


HEARTBEATS = st.builds(
    DescribedHeartbeat,
    slug=SLUGS,
    name=NAMES,
    every=st.integers(10, 31_536_000).map(lambda seconds: timedelta(seconds=seconds)),
    grace=LENGTHS,
    routing_key=st.just("") | SLUGS,
    paused=st.sampled_from([None, True]),
)


@given(
    webhooks=st.lists(WEBHOOKS, max_size=3),
    names=st.tuples(NAMES, NAMES),
    policies=st.lists(POLICIES, max_size=3),
    routing=st.lists(ROUTING, max_size=3),
    keys=st.sets(SLUGS),
    heartbeats=st.lists(HEARTBEATS, max_size=3),
)
def test_every_description_reads_back_as_itself(  # noqa: PLR0917 - one for each part
    webhooks: list[DescribedWebhook],
    names: tuple[str, str],
    policies: list[DescribedPolicy],
    routing: list[DescribedRouting],
    keys: set[str],
    heartbeats: list[DescribedHeartbeat],
) -> None:
    """Whatever the names, URLs and secrets are made of, writing and reading agree."""
    teams: Mapping[str, str] = dict(zip(("db", "web"), names, strict=True))
    description = Description(
        webhooks={webhook.slug: webhook for webhook in webhooks},
        teams={slug: DescribedTeam(slug, name) for slug, name in teams.items()},
        policies={policy.path: policy for policy in policies},
        routing={each.key: each for each in routing},
        alert_keys={name: DescribedAlertKey(name) for name in keys},
        heartbeats={each.slug: each for each in heartbeats},
    )
    text = yaml_text(description, with_secrets=True)
    file = read_configuration_file(text.encode(), name="f")
    assert file.mistakes == ()
    assert file.description == description
    without = read_configuration_file(
        yaml_text(description, with_secrets=False).encode(), name="f"
    ).description
    assert without.webhooks == {
        slug: replace(webhook, auth_code=None, pending=None)
        for slug, webhook in description.webhooks.items()
    }

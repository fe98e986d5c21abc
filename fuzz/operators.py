"""What operators write: files, settings, names, lengths of time, URLs and networks."""

from contextlib import suppress
from typing import Final

from fuzz.feed import END, Feed
from fuzz.target import Target
from tocsin.actions.apply import read_configuration_file
from tocsin.domain.auth_code import InvalidAuthCode, check_auth_code
from tocsin.domain.configuration_file.reading_routing import parse_policy_path
from tocsin.domain.display_name import InvalidName, check_name
from tocsin.domain.duration import format_duration, parse_duration
from tocsin.domain.foresight import foresee
from tocsin.domain.instant import format_instant, parse_instant
from tocsin.domain.network import InvalidNetworks, Networks, decide_address, decide_reach
from tocsin.domain.policy_draft import draft_of_form, fields_of, read_draft, rearrange
from tocsin.domain.retention import LONGEST_RETENTION, SHORTEST_RETENTION, parse_retention
from tocsin.domain.role import UnknownRole, parse_roles, roles_text
from tocsin.domain.routing import RoutingKey, format_opening_types, parse_opening_types
from tocsin.domain.slug import parse_slug
from tocsin.domain.watch import InvalidWatch, call_head, parse_peers
from tocsin.domain.webhook_address import check_url_and_address, literal_address
from tocsin.domain.webhook_options import (
    MOST_SLOTS,
    InvalidWebhookOptions,
    check_retry_waits,
    check_slots,
    parse_slots,
)
from tocsin.domain.webhook_url import InvalidWebhookUrl, check_webhook_url
from tocsin.errors import TocsinError
from tocsin.settings import COMMANDS, SERVER, InvalidSettings, Settings

# Left out is the one that names a file to read: /dev/zero is long.
_NAMES: Final = tuple(name for name in (*SERVER, *COMMANDS) if name != "TOCSIN_MASTER_KEY_FILE")
CONFIGURATION: Final = b"""webhooks: {pager: {url: 'https://h.example/', deadline: 15m, enabled: on}}
teams: {ops: {name: O, policies: {a: {steps: [{after: 0s, webhooks: [pager]}], repeat: {times: 3, after: 15m}}}}}
routing_keys: {db: {policies: [ops/a], opens_on: [CRITICAL, WARNING]}}
default_routing: {policies: [ops/a]}
alert_keys: {k: {key: 0123456789}}
heartbeats: {backup: {name: B, every: 24h, grace: 30m, routing_key: db, paused: true}}
"""


def feed_configuration(data: bytes) -> None:
    """A file is read, or its mistakes are told with their lines."""
    file = read_configuration_file(data, name="f")
    # Those of YAML 1.1, which ends lines with NEL, LS and PS, too.
    ends = sum(
        data.count(end) for end in (b"\n", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
    )
    for mistake in file.mistakes:
        assert 1 <= mistake.line <= ends + 2
        assert mistake.text("f")


def feed_duration(data: bytes) -> None:
    with suppress(TocsinError):
        length = parse_duration(data.decode("utf-8", "surrogateescape"))
        assert parse_duration(format_duration(length)) == length


def feed_policy_form(data: bytes) -> None:
    """The fields of a form are a policy or mistakes, and are kept either way."""
    feed = Feed(data)
    do = feed.text()
    draft = rearrange(draft_of_form(dict(feed.pairs())), do)
    again = draft_of_form(fields_of(draft))
    assert read_draft(again, ("pager", "phone")) == read_draft(draft, ("pager", "phone"))
    reading = read_draft(draft, ("pager", "phone"))
    told = foresee(reading.steps, reading.repeat, is_whole=reading.is_whole)
    assert all(told.sentences)
    assert reading.is_whole or not reading.can_be_saved


def feed_retention(data: bytes) -> None:
    with suppress(TocsinError):
        keep = parse_retention(data.decode("utf-8", "surrogateescape"))
        assert keep is None or SHORTEST_RETENTION <= keep <= LONGEST_RETENTION


def feed_roles(data: bytes) -> None:
    with suppress(UnknownRole):
        roles = parse_roles(data.decode("utf-8", "surrogateescape"))
        assert parse_roles(roles_text(roles)) == roles


def feed_peers(data: bytes) -> None:
    """What names other installations names each once, and tells nothing of the secret in it."""
    with suppress(InvalidWatch):
        peers = parse_peers(data.decode("utf-8", "surrogateescape"))
        for peer in peers:
            assert check_webhook_url(peer.url.reveal()) == peer.parts
            assert call_head(peer.parts, length=0, version="1").count(b"\r\n") == 7
            assert peer.name.startswith(("http://", "https://"))


def feed_slots(data: bytes) -> None:
    with suppress(InvalidWebhookOptions):
        assert 1 <= check_slots(parse_slots(data.decode("utf-8", "surrogateescape"))) <= MOST_SLOTS


def feed_retry_waits(data: bytes) -> None:
    with suppress(TocsinError):
        waits = tuple(map(parse_duration, data.decode("utf-8", "surrogateescape").split()))
        assert check_retry_waits(waits) == waits


def feed_instant(data: bytes) -> None:
    with suppress(TocsinError):
        at = parse_instant(data.decode("utf-8", "surrogateescape"))
        assert parse_instant(format_instant(at)) == at


def feed_webhook_url(data: bytes) -> None:
    """What is accepted is sent as it is: target and host are parts of the text."""
    url = data.decode("utf-8", "surrogateescape")
    with suppress(InvalidWebhookUrl):
        parts = check_webhook_url(url)
        assert parts.host_header in url
        assert url.endswith(parts.target.removeprefix("/"))
        assert 1 <= parts.port <= 65535
        for head in (parts.host_header, parts.target):
            assert head.isascii()
            assert head.isprintable()
            assert " " not in head


def feed_networks(data: bytes) -> None:
    """A list is read or refused; then it decides about any address, and gives advice that is read."""
    feed = Feed(data)
    text, address = feed.text(), feed.text()
    with suppress(InvalidNetworks):
        networks = Networks.parse(text)
        decision = decide_address(address, networks)
        assert decision.sentence
        again = Networks.parse(networks.with_entry("loopback").partition("=")[2])
        assert decide_address(address, again).sentence
        decide_reach(address, 80, networks.apart_from(("::", 80), ("127.0.0.1", 80)))


def feed_address(data: bytes) -> None:
    """A URL's host: what spells an address is judged as one."""
    host = data.decode("utf-8", "surrogateescape")
    literal_address(host)
    with suppress(TocsinError):
        check_url_and_address(f"http://{host}/", Networks.parse("public"))


def feed_names(data: bytes) -> None:
    """Routing keys, types that open, paths of policies, slugs, names and auth codes."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(TocsinError):
        assert RoutingKey(RoutingKey(text).value).value == RoutingKey(text).value
    with suppress(TocsinError):
        types = parse_opening_types(text)
        assert parse_opening_types(format_opening_types(types)) == types
    with suppress(TocsinError):
        parse_policy_path(text)
    with suppress(TocsinError):
        assert parse_slug(parse_slug(text)) == parse_slug(text)
    with suppress(InvalidName):
        assert check_name(text) == text
    with suppress(InvalidAuthCode):
        assert check_auth_code(text).reveal() == text


def feed_settings(data: bytes) -> None:
    """Variables, also misspelt ones: settings, or every mistake at once."""
    feed = Feed(data)
    env = {"HOME": "/nowhere"}
    while feed:
        name = _NAMES[feed.number(len(_NAMES))]
        env[name + feed.text()[:2]] = feed.text()
    with suppress(InvalidSettings):
        Settings.from_environment(env)


TARGETS: Final = {
    "configuration": Target(
        feed_configuration,
        (
            *(CONFIGURATION, *CONFIGURATION.splitlines(keepends=True)),
            *(
                b"&a ",
                b"*a",
                b"<<: ",
                b"- ",
                b": ",
                b"{",
                b"}",
                b"[",
                b"]",
                b"\n  ",
                b"!!str ",
                b"|\n ",
            ),
            *(
                b"%YAML 1.1\n",
                b"---\n",
                b"...\n",
                b"? ",
                b'"\\ud800"',
                b"\xef\xbb\xbf",
                b"\r",
                b"\xc2\x85",
            ),
        ),
    ),
    "peers": Target(
        feed_peers,
        (
            b"https://oslo.example/integrations/heartbeat/K/berlin",
            b" ",
            b"\n",
            b"http://[::1]:1",
            b"@",
        ),
    ),
    "instant": Target(
        feed_instant,
        (
            b"2026-11-23T21:05:00Z",
            b"2026-11-23 21:05:00.5+02:00",
            b"0001-01-01T00:00+23:59",
            b"9999-W53-7",
        ),
    ),
    "duration": Target(
        feed_duration, (b"1h30m", b"90s", b"999999999d", b"0", b".", b" ", b"\xd9\xa1")
    ),
    "policy-form": Target(
        feed_policy_form,
        (
            *(b"step-1-after", b"step-2-target-1", b"step-2-patience", b"repeat-times"),
            *(b"repeat-after", b"name", b"slug", b"5m", b"pager", b"3", b"remove-step-1", END),
        ),
    ),
    "retention": Target(feed_retention, (b"400d", b"forever", b"0", b"23h", b"1d ")),
    "roles": Target(feed_roles, (b"api", b"escalate", b"deliver", b",", b" ")),
    "slots": Target(feed_slots, (b"1", b"64", b"65", b"-", b"\xd9\xa1")),
    "retry-waits": Target(feed_retry_waits, (b"2s", b"1h", b" ", b"0s", b"999999999d")),
    "webhook-url": Target(
        feed_webhook_url,
        (
            b"https://",
            b"HTTP://h",
            b":443",
            b"[::1]",
            b"?",
            b"#",
            b"%2f",
            b"@",
            b"\\",
            b"xn--",
            b"\x85",
        ),
    ),
    "networks": Target(
        feed_networks,
        (
            *(
                b"public",
                b"private",
                b"loopback",
                b",",
                b"10.0.0.0/8",
                b"::/0",
                b"64:ff9b::/96",
                END,
            ),
            *(b"fe80::1%eth0", b"127.0.0.1", b"2002:7f00:1::", b"/", b"%", b"::ffff:0:0"),
        ),
    ),
    "address": Target(
        feed_address,
        (b"0x7f.1", b"0177", b"2130706433", b"127.1.", b"[::ffff:1]", b"localhost", b"08"),
    ),
    "names": Target(
        feed_names, (b"CRITICAL", b"ops/a", b"db-1", b",", b"whsec_", b" ", b"\xe2\x84\xaa")
    ),
    "settings": Target(
        feed_settings,
        (b"[::1]:80", b"sqlite:////x", b"postgresql://u:p@h/n", b"30s", END, b"http://u:p@h:1"),
    ),
}

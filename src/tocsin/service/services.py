"""Everything the management API needs from outside itself; wiring makes one."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tocsin.actions.certificates import CertificateInUse
from tocsin.actions.incident_set import ContextSource
from tocsin.clock import Clock
from tocsin.domain.heartbeat import HeartbeatState
from tocsin.domain.network import Networks
from tocsin.domain.node import Load
from tocsin.domain.retention import DEFAULT_RETENTION
from tocsin.domain.role import Role
from tocsin.domain.sign_in_limit import SignInLimits
from tocsin.domain.watch import Peering
from tocsin.domain.webhook import DisabledReason, Webhook
from tocsin.metrics import Metrics
from tocsin.service.client_address import Network
from tocsin.service.commits import Commits
from tocsin.service.keyring import Keyring
from tocsin.service.passwords import Passwords
from tocsin.service.single_sign_on import SingleSignOn
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Database
from tocsin.store.writer import Writer
from tocsin.transport.inspector import Inspection
from tocsin.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the process is, as facts; `tocsin.service.readiness` judges them."""

    oldest_overdue: timedelta | None = None
    """For how long the oldest step that is due has not fired; None: none is due."""
    oldest_unsent: timedelta | None = None
    """For how long the oldest delivery waits for its first attempt; None: none waits."""
    commit_error: str | None = None
    """Why the last commit failed; None: it did not."""
    is_out_of_touch: bool = False
    """Other nodes may have taken this one's run for dead, so it starts no attempt."""
    clock_jumped: timedelta | None = None
    """How far the clock of all nodes jumped, if that is too far to claim anything by it."""
    newer_schema: str | None = None
    """The revision that a newer node brought the database to, if this version does not know it."""
    cannot_go_on: str | None = None
    """Why this version cannot use the database any more."""
    free_bytes: int | None = None
    """Left on the disk of the database; None: not ours to know."""
    poisoned: int = 0
    """Items that failed alone and are tried again later."""
    disabled_webhooks: Mapping[DisabledReason, int] = field(default_factory=dict)
    """How many are disabled, by the reason."""
    open_breakers: Sequence[str] = ()
    """The slugs of those that are held back."""
    failing_webhooks: Sequence[str] = ()
    """The slugs of those that fail again and again."""
    nodes: Mapping[Role, int] = field(default_factory=dict)
    """How many living nodes have each role, as far as that is known."""
    clock_skew: timedelta = timedelta(0)
    """How far this machine's clock is ahead of the one that all nodes go by."""
    heartbeats: Mapping[HeartbeatState, int] = field(default_factory=dict)
    """How many are in each state; empty when there is none."""
    peers: Sequence[Peering] = ()
    """The installations that wait for this one's calls, as they were found last."""
    links_lead_nowhere: bool = False
    """A webhook asks for links, and nobody has said where others reach this server."""
    has_default_routing: bool = True
    is_paused: bool = False
    in_flight: int = 0
    """Attempts under way."""
    queue_depths: Mapping[str, int] = field(default_factory=dict)
    """What waits, by queue: `inbox`, `writer`, `outbox`."""
    certificates: Sequence[CertificateInUse] = ()
    """Those that webhooks depend on."""
    certificates_ending: Sequence[str] = ()
    """A sentence for each of them that ends soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the routers use. Safe to share: the API never changes any of it."""

    database: Database
    """Read from, on a few threads of the API's own."""
    writer: Writer
    """Every change is a piece of its work."""
    context_source: ContextSource
    """Makes what a change of incidents needs; called inside the writer's work only."""
    cache: ConfigurationCache
    """The configuration in force, for reads."""
    vault: Vault
    """Opens and seals URLs, auth codes and remembered answers."""
    key_file: Path | None
    """Where the master key lies, if it is the server's own; None when a setting gives it."""
    key_source: str
    """Where the master key comes from, for people."""
    networks: Networks
    """Those that webhooks may reach."""
    clock: Clock
    random_bytes: Callable[[int], bytes]
    """A cryptographic source: keys, tokens, auth codes, UUIDs."""
    metrics: Metrics
    keyring: Keyring
    """The alert keys in force; looked at again after whatever may have changed them."""
    check_webhook: Callable[[Webhook], Awaitable[Inspection]]
    """Looks how far an attempt would come, and sends nothing; for use on the loop."""
    health: Callable[[], Health]
    """Measures; called on a reading thread, so it may take its time and read the database."""
    run_id: int
    """The run of this process, as attempts name it."""
    node: str
    load: Callable[[], Load] = Load
    """How busy this node is; for use on any thread."""
    organisation: str
    """The slug that goes out as `vo_organization_id`."""
    public_url: str
    """Where senders and people reach this server, without a slash at its end."""
    set_public_url: str | None = None
    """The same, if somebody has set it; links are made only then."""
    commits: Commits = field(default_factory=Commits)
    """Tells who follows the feed live."""
    version: str
    retention: timedelta | None = DEFAULT_RETENTION
    """How long what is over is kept; None: for ever."""
    trusted_proxies: Sequence[Network] = ()
    """Those whose word counts for where a request came from."""
    passwords: Passwords = field(default_factory=Passwords)
    sign_in_limits: SignInLimits = field(default_factory=SignInLimits)
    """Who tries passwords too often; for use on the loop."""
    single_sign_on: SingleSignOn | None = None
    """The provider that people may sign in by, if one is configured."""

"""What the environment decides: read once, checked all at once, and then never read again.

Everything else (webhooks, policies, routing keys, keys, tokens) is configuration and lives in the
database. `docs/reference/settings.md` describes each of these for people.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import ClassVar, Final, Self, TypeVar
from urllib.parse import urlsplit

from tocsin.domain.display_name import check_name
from tocsin.domain.duration import parse_duration
from tocsin.domain.escalation import LATE_AFTER
from tocsin.domain.network import DEFAULT_NETWORKS, Networks
from tocsin.domain.proxy import InvalidProxy, Proxy
from tocsin.domain.retention import DEFAULT_RETENTION, parse_retention
from tocsin.domain.single_sign_on import DEFAULT_NAME, Provider, parse_issuer, parse_newcomers
from tocsin.domain.slug import Slug, parse_slug
from tocsin.domain.watch import InvalidWatch, Peer, parse_peers
from tocsin.environment import PREFIX, Reader, Unusable
from tocsin.errors import TocsinError
from tocsin.master_key import MasterKey, holds_keys
from tocsin.secret import Secret

T = TypeVar("T")

SERVER: Final = (
    "TOCSIN_HOME",
    "TOCSIN_DATABASE_URL",
    "TOCSIN_MASTER_KEY",
    "TOCSIN_MASTER_KEY_FILE",
    "TOCSIN_LISTEN",
    "TOCSIN_PROBES_LISTEN",
    "TOCSIN_PUBLIC_URL",
    "TOCSIN_TLS_CERT",
    "TOCSIN_TLS_KEY",
    "TOCSIN_TRUSTED_PROXIES",
    "TOCSIN_ORGANISATION",
    "TOCSIN_FIRST_INCIDENT",
    "TOCSIN_LATE_AFTER",
    "TOCSIN_RETENTION",
    "TOCSIN_WEBHOOK_NETWORKS",
    "TOCSIN_WEBHOOK_PROXY",
    "TOCSIN_WEBHOOK_PROXY_RESOLVES",
    "TOCSIN_WEBHOOK_SLOTS",
    "TOCSIN_WATCH",
    "TOCSIN_OIDC_ISSUER",
    "TOCSIN_OIDC_CLIENT_ID",
    "TOCSIN_OIDC_CLIENT_SECRET",
    "TOCSIN_OIDC_CLIENT_SECRET_FILE",
    "TOCSIN_OIDC_NAME",
    "TOCSIN_OIDC_NEWCOMERS",
    "TOCSIN_LOG_FORMAT",
)
"""The variables that `tocsin serve` reads."""
COMMANDS: Final = ("TOCSIN_HOME", "TOCSIN_URL", "TOCSIN_TOKEN", "TOCSIN_ALERT_KEY")
"""The variables that the other commands read, to find a server."""
LOG_FORMATS: Final = ("text", "json")
DEFAULT_ORGANISATION: Final = parse_slug("tocsin")
DEFAULT_FIRST_INCIDENT: Final = 1
DEFAULT_WEBHOOK_SLOTS: Final = 4
MOST_SLOTS: Final = 256
HIGHEST_FIRST_INCIDENT: Final = 1_000_000_000

_DATABASE_FILE: Final = "tocsin.db"
_LISTEN: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9.-]+)):(?P<port>[0-9]{1,5})"
)
_HIGHEST_PORT: Final = 65535


class InvalidSettings(TocsinError):
    """Some variables cannot be used. `mistakes` has a sentence for each, all found at once."""

    code: ClassVar[str] = "invalid_settings"
    status_hint: ClassVar[int] = 500

    def __init__(self, mistakes: Mapping[str, str]) -> None:
        self.mistakes = dict(mistakes)
        lines = [f"{name} {sentence}" for name, sentence in self.mistakes.items()]
        super().__init__("\n".join(lines), **self.mistakes)


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the server listens. Port 0 takes any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def after(self, places: int) -> "Listen":
        """Return the address so many ports further on; any free port stays that."""
        return Listen(self.host, self.port + places if self.port else 0)


DEFAULT_LISTEN: Final = Listen("127.0.0.1", 7878)


@dataclass(frozen=True, slots=True)
class Settings:
    """How this server runs."""

    home: Path
    """The folder of the database, the master key and the admin token."""
    database_url: Secret
    """An SQLAlchemy URL: `sqlite:////FILE` or `postgresql+psycopg://...`, which may hold a password."""
    master_key: MasterKey | None = None
    """None: it lies in its file beside the database, and is made when there is none."""
    listen: Listen = DEFAULT_LISTEN
    public_url: str | None = None
    """Where others reach this server, without a slash at the end."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Whose `X-Forwarded-*` headers are believed."""
    organisation: Slug = DEFAULT_ORGANISATION
    """What webhooks carry as `vo_organization_id`."""
    first_incident: int = DEFAULT_FIRST_INCIDENT
    late_after: timedelta = LATE_AFTER
    """A step that is later than this moves the plan of the steps after it."""
    retention: timedelta | None = DEFAULT_RETENTION
    """How long what is over is kept; None: for ever."""
    webhook_networks: Networks = DEFAULT_NETWORKS
    webhook_proxy: Proxy | None = None
    webhook_slots: int = DEFAULT_WEBHOOK_SLOTS
    """How many deliveries may be under way to one webhook."""
    watch: tuple[Peer, ...] = ()
    """The installations that wait for this one's calls, and page when none comes."""
    oidc: Provider | None = None
    """Who says who people are, beside passwords."""
    log_format: str = LOG_FORMATS[0]
    probes_listen: Listen | None = None
    """Where probes and metrics are answered beside `listen`, and nothing else."""

    @property
    def is_on_sqlite(self) -> bool:
        """Whether the database is a file, which has one server."""
        return self.database_url.reveal().startswith("sqlite")

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        """Return the settings that `env` holds; a variable that is empty counts as not set.

        Reads no other file than the master key's. Raises: InvalidSettings, with every mistake.
        """
        reader = Reader(env)
        home = _home(reader)
        cert, key = _tls(reader)
        settings = cls(
            home=home,
            database_url=_database_url(reader, home),
            master_key=_master_key(reader),
            listen=reader.value("LISTEN", _listen, DEFAULT_LISTEN),
            probes_listen=reader.value("PROBES_LISTEN", _listen, None),
            public_url=reader.value("PUBLIC_URL", _public_url, None),
            tls_cert=cert,
            tls_key=key,
            trusted_proxies=reader.value("TRUSTED_PROXIES", _proxies, ()),
            organisation=reader.value("ORGANISATION", parse_slug, DEFAULT_ORGANISATION),
            first_incident=reader.value(
                "FIRST_INCIDENT", _number(1, HIGHEST_FIRST_INCIDENT), DEFAULT_FIRST_INCIDENT
            ),
            late_after=reader.value("LATE_AFTER", parse_duration, LATE_AFTER),
            retention=reader.value("RETENTION", parse_retention, DEFAULT_RETENTION),
            webhook_networks=reader.value("WEBHOOK_NETWORKS", Networks.parse, DEFAULT_NETWORKS),
            webhook_proxy=_webhook_proxy(reader),
            webhook_slots=reader.value(
                "WEBHOOK_SLOTS", _number(1, MOST_SLOTS), DEFAULT_WEBHOOK_SLOTS
            ),
            watch=_watch(reader),
            oidc=_oidc(reader),
            log_format=reader.value("LOG_FORMAT", _log_format, LOG_FORMATS[0]),
        )
        reader.check_names({*SERVER, *COMMANDS})
        if reader.mistakes:
            raise InvalidSettings(reader.mistakes)
        return settings


def home_folder(env: Mapping[str, str]) -> Path:
    """Return the folder in which the server keeps what is its own.

    Raises: InvalidSettings.
    """
    reader = Reader(env)
    home = _home(reader)
    if reader.mistakes:
        raise InvalidSettings(reader.mistakes)
    return home


def _home(reader: Reader) -> Path:
    given = reader.find("HOME")
    if given and "?" in given:
        reader.mistake("HOME", f"is {given!r}: choose a folder without '?' in its path")
    if given and not given.startswith("~/"):
        return Path(given).absolute()
    if not given and (data := reader.find_other("XDG_DATA_HOME")):
        return Path(data).absolute() / "tocsin"
    user = reader.find_other("HOME")
    if user is None:
        reader.mistake("HOME", "is not set, and there is no HOME either: name a folder of your own")
        return Path()
    return Path(user).absolute() / (given[2:] if given else ".local/share/tocsin")


def _database_url(reader: Reader, home: Path) -> Secret:
    default = Secret(f"sqlite:///{home / _DATABASE_FILE}")
    given = reader.find("DATABASE_URL")
    if given is None:
        return default
    scheme, colon, rest = given.partition("://")
    if colon and scheme in ("postgres", "postgresql", "postgresql+psycopg") and rest:
        return Secret(f"postgresql+psycopg://{rest}")
    is_file = scheme == "sqlite" and rest.startswith("/") and not rest.endswith(("/", ":memory:"))
    if colon and is_file and "?" not in rest:
        return Secret(f"sqlite:///{Path(rest[1:]).absolute()}")
    # The text is not repeated: it may hold a password.
    reader.mistake(
        "DATABASE_URL",
        "cannot be read: write sqlite:////srv/tocsin.db for a file (four slashes) or "
        "postgresql://USER:PASSWORD@HOST/NAME",
    )
    return default


def _master_key(reader: Reader) -> MasterKey | None:
    key, file = reader.find("MASTER_KEY"), reader.find("MASTER_KEY_FILE")
    if key and file:
        reader.mistake("MASTER_KEY_FILE", "is set beside TOCSIN_MASTER_KEY: unset one of the two")
    if key or not file:
        return _checked(reader, "MASTER_KEY", Secret(key), "") if key else None
    try:
        lines = Secret(Path(file).read_text(encoding="ascii"))
        return _checked(reader, "MASTER_KEY_FILE", lines, file)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        sentence = (
            f"is {file!r}, which cannot be read: {why}; without it no database opens its secrets"
        )
        reader.mistake("MASTER_KEY_FILE", sentence)
        return None


def _checked(reader: Reader, name: str, lines: Secret, file: str) -> MasterKey:
    if not holds_keys(lines):
        reader.mistake(
            name,
            "must hold one or more lines of 44 characters, as they were made; restore it from a backup",
        )
    return MasterKey(lines, f"{file} ({PREFIX}{name})" if file else f"{PREFIX}{name}")


def _tls(reader: Reader) -> tuple[Path | None, Path | None]:
    cert = reader.value("TLS_CERT", _file, None)
    key = reader.value("TLS_KEY", _file, None)
    for name, other in (("TLS_CERT", "TLS_KEY"), ("TLS_KEY", "TLS_CERT")):
        if reader.find(name) and not reader.find(other):
            reader.mistake(other, f"is not set, but {PREFIX}{name} is: set both, or neither")
    return cert, key


def _file(text: str) -> Path:
    file = Path(text).absolute()
    if not file.is_file():
        raise Unusable("there is no such file; give the path of a PEM file")
    return file


def _listen(text: str) -> Listen:
    found = _LISTEN.fullmatch(text)
    if found is None:
        raise Unusable(
            "write ADDRESS:PORT, such as 127.0.0.1:7878, [::1]:7878, "
            "or 0.0.0.0:7878 for every address of this machine"
        )
    if int(found["port"]) > _HIGHEST_PORT:
        raise Unusable(f"a port is 0 (any free one) to {_HIGHEST_PORT}")
    if found["v6"]:
        _check_v6(found["v6"])
    return Listen(found["v6"] or found["host"], int(found["port"]))


def _check_v6(text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        raise Unusable(
            "what stands in [] is not an IPv6 address; write one such as [::1]:7878"
        ) from None


def _public_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    else:
        is_usable = is_usable and "@" not in parts.netloc and not parts.query and not parts.fragment
    if not is_usable or not text.isprintable() or " " in text:
        raise Unusable("write how others reach this server, such as https://tocsin.example.org")
    return text.rstrip("/")


def _proxies(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise Unusable(
            f"{error}; list addresses or ranges separated by commas, such as 10.0.0.0/8,::1"
        ) from None


def _webhook_proxy(reader: Reader) -> Proxy | None:
    resolves = reader.value("WEBHOOK_PROXY_RESOLVES", _yes_or_no, default=False)
    given = reader.find("WEBHOOK_PROXY")
    if given is None:
        if resolves:
            reader.mistake("WEBHOOK_PROXY", "is not set, but TOCSIN_WEBHOOK_PROXY_RESOLVES is")
        return None
    try:
        return replace(Proxy.parse(given), resolves=resolves)
    except InvalidProxy as refusal:
        # The text is not repeated: it may hold a password.
        reader.mistake("WEBHOOK_PROXY", f"cannot be read: {refusal}")
        return None


def _watch(reader: Reader) -> tuple[Peer, ...]:
    given = reader.find("WATCH")
    try:
        return parse_peers(given or "")
    except InvalidWatch as refusal:
        # The text is not repeated: it holds alert keys.
        reader.mistake("WATCH", f"cannot be read: {refusal}")
        return ()


def _oidc(reader: Reader) -> Provider | None:
    """Return the provider; None: nothing of it is set."""
    parts = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "CLIENT_SECRET_FILE", "NAME", "NEWCOMERS")
    if not any(reader.find(f"OIDC_{part}") for part in parts):
        return None
    issuer = reader.value("OIDC_ISSUER", parse_issuer, "")
    secret = reader.secret("OIDC_CLIENT_SECRET")
    found = {
        "OIDC_ISSUER": issuer or reader.find("OIDC_ISSUER"),
        "OIDC_CLIENT_ID": reader.find("OIDC_CLIENT_ID"),
        "OIDC_CLIENT_SECRET": secret or reader.find("OIDC_CLIENT_SECRET_FILE"),
    }
    for name in (name for name, text in found.items() if not text):
        reader.mistake(name, "is not set, but another TOCSIN_OIDC_... is: single sign-on needs it")
    return Provider(
        issuer,
        reader.find("OIDC_CLIENT_ID") or "",
        secret or Secret(""),
        name=reader.value("OIDC_NAME", check_name, DEFAULT_NAME),
        newcomers=reader.value("OIDC_NEWCOMERS", parse_newcomers, None),
    )


def _yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise Unusable("write yes or no")
    return text == "yes"


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        # isdigit() knows other scripts' digits, and int() underscores.
        if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise Unusable(f"write a whole number from {least} to {most}")
        return int(text)

    return read


def _log_format(text: str) -> str:
    if text not in LOG_FORMATS:
        raise Unusable(f"write {' or '.join(LOG_FORMATS)}")
    return text

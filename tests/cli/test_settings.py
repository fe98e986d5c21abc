"""Settings: what the environment may say, and every mistake at once with how to mend it."""

import re
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.proxy import Proxy
from tocsin.domain.single_sign_on import Provider
from tocsin.domain.special_addresses import AddressKind
from tocsin.domain.user import UserRole
from tocsin.master_key import MasterKey
from tocsin.secret import Secret
from tocsin.settings import (
    COMMANDS,
    SERVER,
    InvalidSettings,
    Listen,
    Settings,
    home_folder,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
ALONE = {"HOME": "/home-of/ana"}

FIRST, SECOND = "Zmly" * 10 + "Zmk=", "c2Vj" * 10 + "c2U="


def settings(**variables: str) -> Settings:
    return Settings.from_environment({**ALONE, **variables})


def mistakes(**variables: str) -> dict[str, str]:
    with pytest.raises(InvalidSettings) as refusal:
        settings(**variables)
    return refusal.value.mistakes


def test_everything_has_a_default_that_suits_one_machine() -> None:
    """With nothing set, the server listens on this machine only, on a file in the user's folder."""
    found = settings()

    assert found.home == Path("/home-of/ana/.local/share/tocsin")
    assert found.database_url.reveal() == "sqlite:////home-of/ana/.local/share/tocsin/tocsin.db"
    assert str(found.listen) == "127.0.0.1:7878"
    assert found.webhook_networks.names == (AddressKind.PUBLIC, AddressKind.PRIVATE)
    assert (found.organisation, found.first_incident, found.webhook_slots) == ("tocsin", 1, 4)
    assert (found.master_key, found.public_url, found.tls_cert, found.tls_key) == (None,) * 4
    assert (found.trusted_proxies, found.log_format) == ((), "text")
    assert (found.webhook_proxy, found.probes_listen) == (None, None)


def test_everything_can_be_set(tmp_path: Path) -> None:
    """Each variable arrives in its setting."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.touch()
    key.touch()

    found = settings(
        TOCSIN_HOME=str(tmp_path),
        TOCSIN_DATABASE_URL="postgres://tocsin:hush@db.example/oncall",
        TOCSIN_MASTER_KEY=f"{FIRST}\n{SECOND}",
        TOCSIN_LISTEN="[::1]:9",
        TOCSIN_PROBES_LISTEN="127.0.0.1:7900",
        TOCSIN_PUBLIC_URL="https://tocsin.example.org/oncall/",
        TOCSIN_TLS_CERT=str(cert),
        TOCSIN_TLS_KEY=str(key),
        TOCSIN_TRUSTED_PROXIES="10.0.0.0/8, ::1",
        TOCSIN_ORGANISATION="acme-ops",
        TOCSIN_FIRST_INCIDENT="5130",
        TOCSIN_WEBHOOK_NETWORKS="loopback,10.1.0.0/16",
        TOCSIN_WEBHOOK_PROXY="http://ana:hush@[fd00::1]:3128",
        TOCSIN_WEBHOOK_PROXY_RESOLVES="yes",
        TOCSIN_WEBHOOK_SLOTS="8",
        TOCSIN_WATCH="https://oslo.example/a/K3y https://rome.example/b/K3y",
        TOCSIN_LOG_FORMAT="json",
    )

    assert found.home == tmp_path
    assert found.database_url.reveal() == "postgresql+psycopg://tocsin:hush@db.example/oncall"
    assert found.master_key == MasterKey(Secret(f"{FIRST}\n{SECOND}"), "TOCSIN_MASTER_KEY")
    assert found.listen == Listen("::1", 9)
    assert found.probes_listen == Listen("127.0.0.1", 7900)
    assert found.public_url == "https://tocsin.example.org/oncall"
    assert (found.tls_cert, found.tls_key) == (cert, key)
    assert found.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1/128"))
    assert (found.organisation, found.first_incident) == ("acme-ops", 5130)
    assert found.webhook_networks.names == (AddressKind.LOOPBACK,)
    assert (found.webhook_slots, found.log_format) == (8, "json")
    names = [peer.name for peer in found.watch]
    assert names == ["https://oslo.example", "https://rome.example"]
    assert found.webhook_proxy == Proxy(
        "fd00::1", 3128, Secret("Basic YW5hOmh1c2g="), resolves=True
    )


def test_no_secret_shows_in_a_traceback(tmp_path: Path) -> None:
    """The repr of the settings holds no master key and no password, in whatever encoding."""
    found = settings(
        TOCSIN_DATABASE_URL="postgresql://t:hush@db/x",
        TOCSIN_MASTER_KEY=FIRST,
        TOCSIN_WEBHOOK_PROXY="http://ana:hush@proxy:80",
        TOCSIN_WATCH="https://oslo.example/hush",
    )

    assert "hush" not in repr(found)
    assert "YW5hOmh1c2g" not in repr(found)
    assert FIRST not in repr(found)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Each variable that cannot be used is named with what to write instead."""
    found = mistakes(
        TOCSIN_DATABASE_URL="mysql://root:hush@db/x",
        TOCSIN_LISTEN="7878",
        TOCSIN_PUBLIC_URL="tocsin.example.org",
        TOCSIN_TLS_CERT=str(tmp_path / "missing.pem"),
        TOCSIN_TRUSTED_PROXIES="10.0.0.1/8",
        TOCSIN_ORGANISATION="Acme Ops",
        TOCSIN_FIRST_INCIDENT="0",
        TOCSIN_WEBHOOK_NETWORKS="internet",
        TOCSIN_WEBHOOK_PROXY="socks5://ana:hush@proxy:1080",
        TOCSIN_WEBHOOK_PROXY_RESOLVES="maybe",
        TOCSIN_WEBHOOK_SLOTS="many",
        TOCSIN_WATCH="https://oslo.example/hush#a",
        TOCSIN_LOG_FORMAT="xml",
        TOCSIN_MASTER_KEY_FILE=str(tmp_path / "missing.key"),
    )

    told = "\n".join(f"{name} {sentence}" for name, sentence in found.items())
    for name, advice in {
        "TOCSIN_DATABASE_URL": "postgresql://USER:PASSWORD@HOST/NAME",
        "TOCSIN_LISTEN": "write ADDRESS:PORT, such as 127.0.0.1:7878",
        "TOCSIN_PUBLIC_URL": "https://tocsin.example.org",
        "TOCSIN_TLS_CERT": "there is no such file",
        "TOCSIN_TLS_KEY": "set both, or neither",
        "TOCSIN_TRUSTED_PROXIES": "10.0.0.0/8",
        "TOCSIN_ORGANISATION": "'acme-ops'",
        "TOCSIN_FIRST_INCIDENT": "a whole number from 1",
        "TOCSIN_WEBHOOK_NETWORKS": "public, private and loopback",
        "TOCSIN_WEBHOOK_PROXY": "write http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT",
        "TOCSIN_WEBHOOK_PROXY_RESOLVES": "write yes or no",
        "TOCSIN_WEBHOOK_SLOTS": "a whole number from 1 to 256",
        "TOCSIN_WATCH": "URL 1: the URL has a fragment",
        "TOCSIN_LOG_FORMAT": "write text or json",
        "TOCSIN_MASTER_KEY_FILE": "No such file",
    }.items():
        assert advice in found[name], name
    assert len(found) == 15
    assert "hush" not in told


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        ":7878",
        "::1:7878",
        "[::1]",
        "[localhost]:80",
        "[::zz]:80",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:\u0667",
        "http://127.0.0.1:80",
        "*:80",
        "a b:80",
    ],
)
def test_what_is_no_address_and_port_is_refused(text: str) -> None:
    """An address without a port, or a port without one, is never guessed at."""
    assert list(mistakes(TOCSIN_LISTEN=text)) == ["TOCSIN_LISTEN"]


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6), st.integers(0, 65535))
def test_an_address_is_read_as_it_is_written(address: object, port: int) -> None:
    """Writing what was read gives the same text, so that a log shows what the setting says."""
    text = f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"

    assert str(settings(TOCSIN_LISTEN=text).listen) == text


@pytest.mark.parametrize(
    "text",
    [
        "ftp://tocsin.example",
        "https://",
        "https://ana:pw@tocsin.example",
        "https://tocsin.example/?a=1",
        "https://tocsin.example/#top",
        "https://tocsin.example:0",
        "https://tocsin.example:port",
        "https://toc sin.example",
        "https://[::1",
    ],
)
def test_what_is_no_public_url_is_refused(text: str) -> None:
    """A URL that nobody could put a path behind is refused."""
    assert list(mistakes(TOCSIN_PUBLIC_URL=text)) == ["TOCSIN_PUBLIC_URL"]


@pytest.mark.parametrize(
    "text",
    ["sqlite://", "sqlite:///", "sqlite:tocsin.db", "sqlite:////a?mode=ro", "/srv/tocsin.db"],
)
def test_a_database_that_would_be_somewhere_else_is_refused(text: str) -> None:
    """A URL that SQLAlchemy would read as another database, or one in memory, is refused."""
    assert list(mistakes(TOCSIN_DATABASE_URL=text)) == ["TOCSIN_DATABASE_URL"]


def test_a_database_file_is_named_with_its_whole_path() -> None:
    """A relative path is taken from the folder in which the server is started, once."""
    assert settings(TOCSIN_DATABASE_URL="sqlite:///mine.db").database_url.reveal() == (
        f"sqlite:///{Path.cwd()}/mine.db"
    )


def test_a_proxy_that_resolves_needs_a_proxy() -> None:
    """Half of a pair of settings is a mistake, and not a wish that is ignored."""
    assert list(mistakes(TOCSIN_WEBHOOK_PROXY_RESOLVES="yes")) == ["TOCSIN_WEBHOOK_PROXY"]
    assert settings(TOCSIN_WEBHOOK_PROXY_RESOLVES="no").webhook_proxy is None


def test_the_master_key_comes_from_a_file_too(tmp_path: Path) -> None:
    """TOCSIN_MASTER_KEY_FILE holds what TOCSIN_MASTER_KEY would; both at once are refused."""
    file = tmp_path / "key"
    file.write_text(f"{FIRST}\n")

    found = settings(TOCSIN_MASTER_KEY_FILE=str(file)).master_key
    place = f"{file} (TOCSIN_MASTER_KEY_FILE)"  # refusals say it
    assert found == MasterKey(Secret(f"{FIRST}\n"), place)

    both = mistakes(TOCSIN_MASTER_KEY_FILE=str(file), TOCSIN_MASTER_KEY=SECOND)
    assert both == {
        "TOCSIN_MASTER_KEY_FILE": "is set beside TOCSIN_MASTER_KEY: unset one of the two"
    }


@pytest.mark.parametrize("text", ["open-sesame", FIRST[:-1], f"{FIRST} {SECOND[1:]}", "\u00e9"])
def test_a_master_key_that_is_none_is_told_with_the_rest(text: str, tmp_path: Path) -> None:
    """Wherever it comes from, and it is not repeated."""
    file = tmp_path / "key"
    file.write_text(text)
    found = mistakes(TOCSIN_MASTER_KEY=text, TOCSIN_LISTEN="7878")
    assert sorted(found) == ["TOCSIN_LISTEN", "TOCSIN_MASTER_KEY"]
    assert found["TOCSIN_MASTER_KEY"].startswith("must hold one or more lines of 44 characters")
    assert text not in str(found)
    assert list(mistakes(TOCSIN_MASTER_KEY_FILE=str(file))) == ["TOCSIN_MASTER_KEY_FILE"]


def test_a_key_without_its_certificate_is_refused(tmp_path: Path) -> None:
    """TLS needs both files, whichever of them is missing."""
    file = tmp_path / "one.pem"
    file.touch()

    assert list(mistakes(TOCSIN_TLS_CERT=str(file))) == ["TOCSIN_TLS_KEY"]
    assert list(mistakes(TOCSIN_TLS_KEY=str(file))) == ["TOCSIN_TLS_CERT"]


def test_the_home_is_where_a_user_expects_it() -> None:
    """TOCSIN_HOME, else XDG_DATA_HOME, else the usual folder; `~/` is this user's home."""
    xdg = {**ALONE, "XDG_DATA_HOME": "/data-of/ana"}

    assert home_folder({**xdg, "TOCSIN_HOME": "/srv/tocsin"}) == Path("/srv/tocsin")
    assert home_folder({**xdg, "TOCSIN_HOME": "~/on-call"}) == Path("/home-of/ana/on-call")
    assert home_folder({**xdg, "TOCSIN_HOME": "data"}) == Path.cwd() / "data"
    assert home_folder(xdg) == Path("/data-of/ana/tocsin")
    with pytest.raises(InvalidSettings, match="TOCSIN_HOME is not set, and there is no HOME"):
        home_folder({})


def test_a_home_that_sqlalchemy_would_misread_is_refused() -> None:
    """A question mark would begin the options of the database's URL."""
    assert list(mistakes(TOCSIN_HOME="/srv/really?")) == ["TOCSIN_HOME"]


def test_a_misspelt_variable_is_not_ignored() -> None:
    """What looks like a setting and is none is refused, with the one that was meant."""
    assert mistakes(TOCSIN_LISTENN="0.0.0.0:80") == {
        "TOCSIN_LISTENN": "is no setting of Tocsin: write TOCSIN_LISTEN, or unset it"
    }
    assert list(mistakes(TOCSIN_ORGANIZATION="acme")) == ["TOCSIN_ORGANIZATION"]


def test_what_an_orchestrator_sets_for_a_service_named_tocsin_is_let_be() -> None:
    """Kubernetes sets variables with our prefix: they are neither read nor refused."""
    assert (
        settings(
            TOCSIN_PORT="tcp://10.0.0.7:7878",
            TOCSIN_PORT_7878_TCP_ADDR="10.0.0.7",
            TOCSIN_SERVICE_HOST="10.0.0.7",
            TOCSIN_SERVICE_PORT="7878",
            TOCSIN_REQUIRE_ALL_TESTS="1",
        )
        == settings()
    )


def test_an_empty_variable_is_not_set() -> None:
    """Compose files set what they do not know to nothing."""
    assert settings(**dict.fromkeys(SERVER, " ")) == settings()


def test_every_setting_is_documented() -> None:
    """The reference has one section for each variable, with its default, and no other."""
    text = DOCUMENT.read_text()
    sections = re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", text, flags=re.MULTILINE | re.DOTALL)

    assert [name for name, _ in sections] == list(dict.fromkeys((*SERVER, *COMMANDS)))
    assert not [name for name, body in sections if "\nDefault: " not in body]


def test_a_provider_is_read_whole(tmp_path: Path) -> None:
    """Issuer, id and secret; the secret may stand in a file. Without any of it there is none."""
    file = tmp_path / "secret"
    file.write_text("s3cret\n# a note\n")
    given = {
        "TOCSIN_OIDC_ISSUER": "https://login.example/realms/acme",
        "TOCSIN_OIDC_CLIENT_ID": "tocsin",
    }
    found = settings(**given, TOCSIN_OIDC_CLIENT_SECRET_FILE=str(file)).oidc
    assert found == Provider(given["TOCSIN_OIDC_ISSUER"], "tocsin", Secret("s3cret"))
    named = settings(
        **given,
        TOCSIN_OIDC_CLIENT_SECRET="x",
        TOCSIN_OIDC_NAME="Acme",
        TOCSIN_OIDC_NEWCOMERS="viewer",
    ).oidc
    assert named is not None
    assert (named.name, named.newcomers) == ("Acme", UserRole.VIEWER)
    assert settings().oidc is None


def test_a_provider_that_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    """With a sentence for each part; the secret is repeated nowhere."""
    assert mistakes(TOCSIN_OIDC_NAME="Acme").keys() == {
        "TOCSIN_OIDC_ISSUER",
        "TOCSIN_OIDC_CLIENT_ID",
        "TOCSIN_OIDC_CLIENT_SECRET",
    }
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for secret in (
        {"TOCSIN_OIDC_CLIENT_SECRET_FILE": str(empty)},
        {"TOCSIN_OIDC_CLIENT_SECRET_FILE": str(tmp_path / "missing")},
        {"TOCSIN_OIDC_CLIENT_SECRET_FILE": str(empty), "TOCSIN_OIDC_CLIENT_SECRET": "s3cret"},
    ):
        found = mistakes(
            TOCSIN_OIDC_ISSUER="http://login.example",
            TOCSIN_OIDC_CLIENT_ID="tocsin",
            TOCSIN_OIDC_NEWCOMERS="root",
            **secret,
        )
        assert found.keys() == {
            "TOCSIN_OIDC_ISSUER",
            "TOCSIN_OIDC_NEWCOMERS",
            "TOCSIN_OIDC_CLIENT_SECRET_FILE",
        }
        assert "s3cret" not in repr(found)

"""Finding a server and speaking to it: every failure is one sentence with the fix, and exit 3."""

import json
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest
import trustme
from tests.cli.conftest import Cli, listening

from tocsin.cli.address import find_address
from tocsin.secret import Secret

TOKEN = "tsn_" + 43 * "x"


class Scripted(BaseHTTPRequestHandler):
    """Answers by path, and keeps what it was asked."""

    answers: ClassVar[dict[str, tuple[int, str]]] = {}
    asked: ClassVar[list[tuple[str, str, str | None]]] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append((self.command, self.path, self.headers["Authorization"]))
        status, body = self.answers.get(path, (404, "<html>not here</html>"))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Tests print nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    Scripted.answers, Scripted.asked = {}, []
    with listening(Scripted) as address:
        yield address


def remote(url: str) -> Cli:
    return Cli({"TOCSIN_URL": url, "TOCSIN_TOKEN": TOKEN})


def refused(cli: Cli, *argv: str) -> str:
    done = cli(*(argv or ("keys",)))
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("tocsin: ")
    assert done.err.count("\n") == 1
    return done.err


def write_home(home: Path, url: str) -> None:
    (home / "server.json").write_text(json.dumps({"url": url}))
    (home / "admin.token").write_text(f"{TOKEN}\n")


def test_the_local_server_and_its_token_are_found(tmp_path: Path) -> None:
    """Nothing needs to be set on the server's own machine."""
    write_home(tmp_path, "http://127.0.0.1:7878")

    found = find_address({"TOCSIN_HOME": str(tmp_path)})

    assert (found.url, found.token) == ("http://127.0.0.1:7878", Secret(TOKEN))


def test_what_the_environment_says_comes_first(tmp_path: Path) -> None:
    """TOCSIN_TOKEN alone is another token of the local server; with TOCSIN_URL it is that one's."""
    write_home(tmp_path, "http://127.0.0.1:7878")
    home = {"TOCSIN_HOME": str(tmp_path)}

    mine = find_address({**home, "TOCSIN_TOKEN": "mine"})
    other = find_address({**home, "TOCSIN_TOKEN": "its", "TOCSIN_URL": "https://other.example/t/"})

    assert (mine.url, mine.token.reveal()) == ("http://127.0.0.1:7878", "mine")
    assert (other.url, other.token.reveal()) == ("https://other.example/t", "its")


def test_the_local_token_never_goes_elsewhere(tmp_path: Path, url: str) -> None:
    """TOCSIN_URL without TOCSIN_TOKEN is refused, rather than giving the admin token away."""
    write_home(tmp_path, "http://127.0.0.1:7878")

    told = refused(Cli({"TOCSIN_HOME": str(tmp_path), "TOCSIN_URL": url}))

    assert "TOCSIN_URL is set and TOCSIN_TOKEN is not" in told
    assert Scripted.asked == []


def test_where_no_server_ever_ran(tmp_path: Path) -> None:
    """The sentence says how to start one, and how to name another."""
    told = refused(Cli({"TOCSIN_HOME": str(tmp_path)}))

    assert f"No Tocsin server has run in {tmp_path}" in told
    assert "tocsin serve" in told
    assert "TOCSIN_URL and TOCSIN_TOKEN" in told


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    """A token that is missing or unreadable, and a damaged file, each say what to do."""
    home = Cli({"TOCSIN_HOME": str(tmp_path)})

    (tmp_path / "server.json").write_text("{")
    assert "server.json is damaged" in refused(home)

    write_home(tmp_path, "http://127.0.0.1:9")
    (tmp_path / "admin.token").unlink()
    assert "admin.token cannot be read (No such file or directory)" in refused(home)

    (tmp_path / "server.json").unlink()
    (tmp_path / "server.json").mkdir()
    assert "server.json cannot be read (Is a directory)" in refused(home)


def test_a_home_that_cannot_be_known_is_a_setting_to_mend() -> None:
    """Without TOCSIN_HOME and HOME there is nowhere to look: exit 2."""
    done = Cli({})("keys")

    assert done.code == 2
    assert "TOCSIN_HOME is not set" in done.err


@pytest.mark.parametrize(
    "url",
    [
        "tocsin.example",
        "ftp://tocsin.example",
        "http://",
        "http://a b",
        "http://a@b",
        "http://[::1",
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    """TOCSIN_URL is checked before anything is sent."""
    assert f"TOCSIN_URL is {url!r}: write one such as" in refused(remote(url))


def test_nobody_listens(url: str) -> None:
    """A server that is down: the sentence says how to start it."""
    with listening(Scripted) as gone:
        pass

    assert f"Nothing listens at {gone}: start the server with: tocsin serve" in refused(
        remote(gone)
    )


@pytest.mark.parametrize(
    "answer", [(200, "<html>"), (404, "<html>"), (502, ""), (500, "{}"), (400, '{"error": "no"}')]
)
def test_what_answers_is_not_tocsin(url: str, answer: tuple[int, str]) -> None:
    """Another program on that port, or a proxy's error page, is not taken for a refusal."""
    Scripted.answers["/api/v1/keys"] = answer

    told = refused(remote(url))

    assert f"What answers at {url} (status {answer[0]}) is not a Tocsin server" in told


def test_what_answers_does_not_speak_http() -> None:
    """An SSH port is recognised as no HTTP server."""

    class Rude(BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

    with listening(Rude) as url:
        assert "does not speak HTTP" in refused(remote(url))


def test_a_redirect_is_not_followed(url: str) -> None:
    """The token went to one server, and goes no further."""
    Scripted.answers = {"/api/v1/keys": (302, "moved"), "/elsewhere": (200, '{"items": []}')}

    refused(remote(url))

    assert [path for _, path, _ in Scripted.asked] == ["/api/v1/keys"]


def test_a_server_behind_a_path(url: str) -> None:
    """A proxy may serve Tocsin below a path of its own."""
    Scripted.answers["/oncall/api/v1/keys"] = (200, '{"items": [], "next_cursor": null}')

    assert remote(f"{url}/oncall/")("keys").code == 0
    assert Scripted.asked == [("GET", "/oncall/api/v1/keys", f"Bearer {TOKEN}")]


def test_a_refusal_keeps_the_servers_words(url: str) -> None:
    """Exit 1, the message on stderr; with --json the server's own object on stdout."""
    answer = {"error": {"code": "not_configured", "message": "there is none", "fields": {"a": 1}}}
    Scripted.answers["/api/v1/webhooks/x"] = (404, json.dumps(answer))

    plain = remote(url)("webhooks", "show", "x")
    for_programs = remote(url)("webhooks", "show", "x", "--json")

    assert (plain.code, plain.out, plain.err) == (1, "", "tocsin: there is none\n")
    assert (for_programs.code, for_programs.json) == (1, answer)


def test_a_refusal_cannot_steer_the_terminal(url: str) -> None:
    """Its words may repeat what somebody else sent."""
    answer = {"error": {"code": "x", "message": "no \x1b[2J", "fields": {}}}
    Scripted.answers["/api/v1/keys"] = (409, json.dumps(answer))

    assert remote(url)("keys").err == "tocsin: no \\x1b[2J\n"


@pytest.mark.parametrize("where", [("--json", "list"), ("list", "--json"), ("--json",)])
def test_json_may_be_asked_for_anywhere(url: str, where: tuple[str, ...]) -> None:
    """Before or after the subcommand."""
    page: dict[str, object] = {"items": [], "next_cursor": None}
    Scripted.answers["/api/v1/keys"] = (200, json.dumps(page))

    assert remote(url)("keys", *where).json == page


def test_names_are_one_segment_of_the_path(url: str) -> None:
    """A name with a slash, a space or a question mark cannot lead to another route."""
    remote(url)("keys", "revoke", "../tokens/a")
    assert not Scripted.asked
    remote(url)("keys", "revoke", "..a b?c#d")
    assert Scripted.asked[0][:2] == ("DELETE", "/api/v1/keys/..a%20b%3Fc%23d")


def test_long_lists_come_in_pages(url: str) -> None:
    """A limit above what one page holds is put together from several."""

    class Pages(Scripted):
        def do_GET(self) -> None:
            first = "cursor=" not in self.path
            items = [{"at": first}] * (200 if first else 50)
            page = {"items": items, "next_cursor": "n" if first else None}
            Scripted.answers = {self.path.partition("?")[0]: (200, json.dumps(page))}
            Scripted.do_GET(self)

    with listening(Pages) as pages:
        page = remote(pages)("deliveries", "--json", "--limit", "250").json

    assert (len(page["items"]), page["next_cursor"]) == (250, None)
    assert [path for _, path, _ in Scripted.asked] == [
        "/api/v1/deliveries?limit=200",
        "/api/v1/deliveries?limit=50&cursor=n",
    ]


# TLS


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_url(authority: trustme.CA) -> Iterator[str]:
    Scripted.answers = {"/api/v1/keys": (200, '{"items": [], "next_cursor": null}')}
    Scripted.asked = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with listening(Scripted, context=context) as url:
        yield url.replace("http://127.0.0.1", "https://localhost")


def test_a_certificate_of_an_unknown_authority_is_refused(tls_url: str) -> None:
    """The token is not shown to whoever answers, and the sentence says how to trust them."""
    told = refused(remote(tls_url))

    assert f"The certificate of {tls_url} cannot be trusted" in told
    assert "SSL_CERT_FILE" in told
    assert Scripted.asked == []


def test_a_private_authority_can_be_named(
    tls_url: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE is OpenSSL's own variable for it."""
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))

    assert remote(tls_url)("keys").code == 0
    assert "cannot be trusted" in refused(remote(tls_url.replace("localhost", "127.0.0.1")))

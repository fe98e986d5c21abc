"""`tocsin signature explain`: what was signed, and what is wrong, on one screen."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import NOON, Cli, Done
from tests.cli.test_help import PAGE

from tocsin_receiver import decode_form, sign, sign_standard

URL = "https://pager.example/hook"
AUTH_CODE = "w~4bT8-uQz0LhXo5Yc2RsJ7dVn1MgKe9PiAf"
BODY = b"incident=31&message=&entity_id=%22db-4%22&summary=ok"
SIGNATURE = sign(URL, decode_form(BODY), AUTH_CODE)
AT = int(NOON.timestamp())
HEADERS = {
    "Content-Type": "application/x-www-form-urlencoded",
    "X-VictorOps-Signature": SIGNATURE,
    "Content-Length": str(len(BODY)),
    "Host": "pager.example",
}
STANDARD = {
    "webhook-id": "dlv_31",
    "webhook-timestamp": str(AT),
    "webhook-signature": sign_standard(AUTH_CODE, "dlv_31", AT, BODY),
}
EXPLAIN = ("signature", "explain")


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("code.txt").write_text(AUTH_CODE + "\n")
    capture()


def capture(
    body: bytes = BODY, headers: Mapping[str, str] | None = None, *, line_end: str = "\r\n"
) -> None:
    """Write a captured request as a packet trace, or an editor, has it."""
    lines = [f"{name}: {value}" for name, value in {**HEADERS, **(headers or {})}.items()]
    head = line_end.join(["POST /hook HTTP/1.1", *lines, "", ""])
    Path("captured.txt").write_bytes(head.encode() + body)


def explain(*arguments: str, url: str = URL, code: str = "code.txt") -> Done:
    return Cli({}, now=NOON)(
        *EXPLAIN, url, "--request", "captured.txt", "--auth-code-file", code, *arguments
    )


def test_a_right_signature_is_shown_byte_by_byte() -> None:
    """Exit 0, each part with its place and where it comes from."""
    done = explain()
    assert (done.code, done.err) == (0, "")
    assert "65 bytes are signed:" not in done.out
    assert "67 bytes are signed:" in done.out
    assert '    35      6  value  "db-4"' in done.out
    assert "right  It is the signature of these bytes." in done.out


def test_the_reference_shows_what_is_printed() -> None:
    """The example of the page, to the letter."""
    block = PAGE.partition("    $ tocsin signature explain")[2].partition("\nSeveral mistakes")[0]
    command, *shown = [line.removeprefix("    ") for line in block.splitlines()]
    words = command.split()
    done = Cli({}, now=NOON)(*EXPLAIN, *words)
    assert done.code == 1
    assert [line.rstrip() for line in done.out.strip().splitlines()] == shown[: len(shown)]
    assert done.err == (
        "tocsin: a receiver does not believe this request: see X-VictorOps-Signature\n"
    )


def test_both_signatures_are_explained() -> None:
    """Each with its verdict; the stale one says how to give the time at which it came."""
    capture(headers=STANDARD)
    assert explain().code == 0
    done = explain("--received", "2026-11-23T12:10:00Z", url=URL + "/")
    assert done.code == 1
    assert "trailing slash" in done.out
    assert "signed 600 s ago, and 300 s are allowed" in done.out
    assert "--received says when" not in done.out
    assert "see X-VictorOps-Signature and webhook-signature" in done.err
    later = Cli({}, now=NOON.replace(hour=13))
    arguments = (URL, "--request", "captured.txt", "--auth-code-file", "code.txt")
    assert "--received says when the request came" in later(*EXPLAIN, *arguments).out


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_an_editors_line_ends_do_no_harm(line_end: str) -> None:
    """A capture that was saved by hand has other line ends, and one after the body."""
    capture(BODY + b"\n", STANDARD, line_end=line_end)
    done = explain()
    assert done.code == 0
    assert "The capture goes on after the 52 bytes of its Content-Length: 1 more" in done.out


def test_fields_are_explained_as_a_program_has_them() -> None:
    """With the signature that came; here the program has stripped the quotes."""
    done = Cli({})(
        *(*EXPLAIN, URL, "--auth-code-file", "code.txt", "--signature", SIGNATURE),
        *("--field", "incident=31", "--field", "message=", "--field", "summary=ok"),
        *("--field", "entity_id=db-4"),
    )
    assert done.code == 1
    assert "quotes stripped  the values have lost their double quotes." in done.out
    assert re.search(r'^value of entity_id +db-4 +"db-4"$', done.out, re.MULTILINE)


def test_another_order_is_shown_as_an_order() -> None:
    """The parts are the same."""
    wrong = sign_text_of('incident31messageentity_id"db-4"summaryok')
    done = explain("--signature", wrong)
    assert (
        "order  entity_id, incident, message, summary  incident, message, entity_id, summary"
        in (done.out)
    )


def sign_text_of(text: str) -> str:
    return sign(URL + text, {}, AUTH_CODE)


def test_other_auth_codes_are_tried() -> None:
    """The first is the receiver's."""
    Path("old.txt").write_text("another auth code")
    done = explain("--auth-code-file", "code.txt", code="old.txt")
    assert "other auth code  the request is signed with another auth code, number 2" in done.out


def test_a_space_in_the_file_is_part_of_the_auth_code() -> None:
    """But for the end of the last line, nothing is taken away."""
    Path("code.txt").write_text(f"{AUTH_CODE} \n")
    assert "auth code whitespace" in explain().out


def test_a_masked_signature_is_not_called_wrong() -> None:
    """What `tocsin deliveries show --request` prints can be explained with the signature that came."""
    masked = {"X-VictorOps-Signature": "***", **STANDARD, "webhook-signature": "***"}
    capture(headers=masked)
    refused = explain()
    assert (refused.code, refused.out) == (1, "")
    assert "the signatures in this request are masked" in refused.err
    done = explain("--signature", SIGNATURE)
    assert (done.code, done.err) == (0, "")
    assert done.out.count("It is the signature of these bytes.") == 1


def test_hexadecimal_shows_every_byte() -> None:
    """Sixteen a line."""
    capture(b"entity_id=%22d%C3%BC%22", {"Content-Length": "23"})
    out = explain("--hex").out
    assert "     0  68 74 74 70 73 3a 2f 2f 70 61 67 65 72 2e 65 78  https://pager.ex\n" in out
    assert '    32  5f 69 64 22 64 c3 bc 22                          _id"d.."\n' in out


def test_json_has_everything() -> None:
    """Parts, what was really signed, the mistakes by name, and the notes."""
    capture(BODY + b"\r\n", STANDARD)
    done = explain("--json", url=URL + "/")
    assert done.code == 1
    first, second = done.json["signatures"]
    assert (first["scheme"], first["header"]) == ("victorops", "X-VictorOps-Signature")
    assert (first["believed"], first["bytes"]) == (False, 68)
    value = {"from": "value", "field": "entity_id", "offset": 36, "bytes": 6, "text": '"db-4"'}
    assert first["parts"][2] == value
    assert first["signed"][0]["text"] == URL
    assert [each["mistake"] for each in first["mistakes"]] == ["trailing_slash"]
    assert first["mistakes"][0]["what"] in first["verdict"]
    assert (second["scheme"], second["believed"], second["mistakes"]) == ("standard", True, [])
    assert len(done.json["notes"]) == 1


def test_no_output_holds_a_secret() -> None:
    """Neither the auth code nor the signature that would be right."""
    capture(headers={"X-VictorOps-Signature": sign(URL, {}, AUTH_CODE)})
    for arguments in ((), ("--json",), ("--hex",)):
        done = explain(*arguments)
        assert done.code == 1
        for secret in (AUTH_CODE, SIGNATURE):
            assert secret not in done.out + done.err


def test_what_was_sent_cannot_steer_the_terminal() -> None:
    """A forged request is shown as text."""
    capture(b"a=%1B%5B31m%0A", {"Content-Length": "14"})
    assert "\x1b" not in explain().out
    assert r"\x1b[31m\n" in explain().out


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "begins with a line such as POST /hook HTTP/1.1"),
        (b"\xff\xfe\x00", "begins with a line such as"),
        (b"POST /hook HTTP/1.1\nno header\n\n", "is no header of a captured request: 'no header'"),
        (b"POST /hook HTTP/1.1\nContent-Encoding: gzip\n\n\x1f\x8b", "encoded (gzip)"),
        (b"POST /hook HTTP/1.1\n\na=1", "no X-VictorOps-Signature to explain"),
        (
            b"POST /hook HTTP/1.1\nx-victorops-signature: a\nX-VictorOps-Signature: b\n\na=1",
            "occurs 2 times",
        ),
        (b"POST /hook HTTP/1.1\nwebhook-signature: v1,x\n\na=1", "no webhook-id header"),
    ],
)
def test_what_cannot_be_explained_is_said(text: bytes, complaint: str) -> None:
    """Exit 1, with what is missing."""
    Path("captured.txt").write_bytes(text)
    done = explain()
    assert (done.code, done.out) == (1, "")
    assert complaint in done.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "one of the arguments --request --field is required"),
        (["--field", "a=1"], "fields need their --signature"),
        (["--field", "a"], "'a' is not NAME=VALUE"),
        (["--request", "captured.txt"], "give it with --auth-code-file FILE"),
        (["--request", "-"], "give it with --auth-code-file FILE"),
        (["--request", "-", "--auth-code-file", "-"], "standard input can be read only once"),
        (["--request", "captured.txt", "--received", "noon"], "no instant with a time zone"),
        (["--request", "captured.txt", "--received", "2026-11-02T03:00"], "with a time zone"),
        (["--request", "captured.txt", "--received", "0001-01-01T00:00+23:00"], "no instant"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str], complaint: str) -> None:
    """Exit 2, with what to give."""
    done = Cli({})(*EXPLAIN, URL, *arguments)
    assert done.code == 2
    assert complaint in done.err


def run_for_real(*arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tocsin", *EXPLAIN, URL, "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **streams,
    )


def test_the_request_or_the_auth_code_may_come_from_standard_input() -> None:
    """As in a pipe."""
    request, code = Path("captured.txt").read_bytes(), f"{AUTH_CODE}\r\n".encode()
    for arguments, sent in (
        (("--request", "-", "--auth-code-file", "code.txt"), request),
        (("--request", "captured.txt", "--auth-code-file", "-"), code),
    ):
        with run_for_real(*arguments, stdin=subprocess.PIPE) as process:
            out, _ = process.communicate(sent, timeout=60)
        assert json.loads(out)["signatures"][0]["believed"]


def test_on_a_terminal_the_auth_code_is_asked_for_and_not_shown() -> None:
    """It is in no process list and in no history."""
    ours, theirs = pty.openpty()
    with run_for_real("--request", "captured.txt", stdin=theirs, start_new_session=True) as process:
        os.close(theirs)
        assert process.stderr is not None
        prompt = b"The auth code: "
        assert process.stderr.read(len(prompt)) == prompt
        os.write(ours, f"{AUTH_CODE}\n".encode())
        out, more = process.communicate(timeout=60)
    os.close(ours)
    assert json.loads(out)["signatures"][0]["believed"]
    assert AUTH_CODE.encode() not in more

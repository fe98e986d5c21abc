"""`tocsin signature`."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from tocsin.cli.check_config import STDIN, read_file
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.secret_argument import read_line
from tocsin.cli.shell import DONE, REFUSED, USAGE_ERROR, Shell
from tocsin.domain.captured_request import read_captured_request
from tocsin.domain.signature_explanation import (
    HEADERS,
    Given,
    differences,
    explain_signatures,
    is_stale,
    origin_of,
)
from tocsin_receiver import Explanation, SignedPart

_MOST_DIFFERENCES: Final = 12
_ROW: Final = 16


def add_command(commands: Commands) -> None:
    group = add_parser(
        commands,
        "signature",
        lambda _args, shell: _show_help(group, shell),
        teaches="""
            Find out why a receiver refuses a webhook. Works without a server.
        """,
        example="tocsin signature explain https://pager.example/hook --request captured.txt",
        then="tocsin webhooks show pager --auth-code    # what the receiver has to verify with",
        asks_server=False,
        speaks_json=False,
    )
    below = group.add_subparsers(title="subcommands", metavar="COMMAND")
    parser = add_parser(
        below,
        "explain",
        run,
        teaches="""
            Say what a signature is of, byte by byte, and which usual mistake makes it wrong: another
            URL (a slash, a port, the scheme behind a proxy), values without their quotes, another
            order, a form decoded twice, JSON, another auth code, a stale timestamp. Neither the auth
            code nor the signature that would be right is shown, so the answer can be passed on.

            The URL is the webhook's, as it is configured. The request is the one that the receiver
            got, with its request line, headers and body; or give the fields as your program has them.
        """,
        example="""
            tocsin signature explain https://pager.example/hook --request captured.txt
            tocsin signature explain https://pager.example/ --field incident=31 --signature 0VWp...=
        """,
        then="tocsin webhooks show pager --auth-code    # is it the auth code that the receiver has?",
        asks_server=False,
        json_help="print the explanation as JSON, for programs",
    )
    _add_arguments(parser)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="the webhook's URL, character by character")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--request", metavar="FILE", help="a captured request; - reads standard input"
    )
    what.add_argument(
        "--field",
        action="append",
        type=_field,
        metavar="NAME=VALUE",
        help="a field of the form, decoded, its quotes included; once for each",
    )
    parser.add_argument(
        "--signature", metavar="TEXT", help="the X-VictorOps-Signature, if not in the request"
    )
    parser.add_argument(
        "--auth-code-file",
        action="append",
        default=[],
        metavar="FILE",
        help="holds the auth code; - reads standard input; without it you are asked. Of several the "
        "first is the receiver's, and the others are tried too",
    )
    parser.add_argument(
        "--received",
        type=_instant,
        metavar="INSTANT",
        help="when the request came, such as 2026-11-02T03:00:00Z (now)",
    )
    parser.add_argument(
        "--hex", action="store_true", help="show the signed bytes in hexadecimal, too"
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 when every signature is right; 1 when one is not, or there is none."""
    given = _read(args, shell)
    if isinstance(given, str):
        shell.complain(given)
        return USAGE_ERROR
    found = explain_signatures(given)
    notes = given.request.notes if given.request else ()
    if args.json:
        shell.json({"signatures": [_as_json(each) for each in found], "notes": list(notes)})
    else:
        for each in found:
            _show(each, shell, as_hex=args.hex)
        for note in (*notes, *_advice(args, found)):
            shell.say(note)
    wrong_ones = [HEADERS[each.scheme][0] for each in found if not each.is_believed]
    if wrong_ones:
        shell.complain(f"a receiver does not believe this request: see {' and '.join(wrong_ones)}")
    return REFUSED if wrong_ones else DONE


def _show_help(group: argparse.ArgumentParser, shell: Shell) -> int:
    shell.out.write(group.format_help())
    return DONE


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not NAME=VALUE")
    return name, value


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # said below
    raise argparse.ArgumentTypeError(
        f"{text[:40]!r} is no instant with a time zone, such as 2026-11-02T03:00:00Z"
    )


def _read(args: argparse.Namespace, shell: Shell) -> Given | str:
    """Return what is to be explained, or what is wrong with the command line."""
    if [args.request, *args.auth_code_file].count(STDIN) > 1:
        return "standard input can be read only once: give a file for the request or the auth code"
    if args.field and not args.signature:
        return "fields need their --signature: the value of X-VictorOps-Signature"
    auth_codes = [_auth_code(file, shell) for file in args.auth_code_file] or _ask(args, shell)
    if not auth_codes:
        return "an auth code is needed: give it with --auth-code-file FILE"
    request = None
    if args.request is not None:
        request = read_captured_request(read_file(args.request)[1])
    return Given(
        url=args.url,
        fields=args.field or [],
        request=request,
        signature=args.signature,
        auth_codes=auth_codes,
        received_at=args.received or shell.now,
    )


def _auth_code(file: str, shell: Shell) -> bytes:
    """Return what a file holds, but for the end of its last line."""
    if file == STDIN:
        return _read_line(shell)
    return read_file(file)[1].removesuffix(b"\n").removesuffix(b"\r")


def _ask(args: argparse.Namespace, shell: Shell) -> list[bytes]:
    """Return what is typed; nothing if there is nobody to type."""
    if args.request == STDIN or not shell.given.isatty():
        return []
    return [_read_line(shell)]


def _read_line(shell: Shell) -> bytes:
    return read_line("The auth code", shell).encode("utf-8", "surrogateescape")


def _show(found: Explanation, shell: Shell, *, as_hex: bool) -> None:
    name, what = HEADERS[found.scheme]
    shell.say(Cell(name, Colour.STRONG), f"is {what}.")
    shell.say(f"{found.length} bytes are signed:")
    shell.say("")
    shell.table(
        ("OFFSET", "BYTES", "FROM", "TEXT"),
        [
            (f"{part.offset:>6}", f"{len(part.data):>5}", origin_of(part), part.text)
            for part in found.parts
        ],
    )
    shell.say("")
    if as_hex:
        for line in _hexadecimal(b"".join(part.data for part in found.parts)):
            shell.say(line)
        shell.say("")
    _show_verdict(found, shell)
    shell.say("")


def _advice(args: argparse.Namespace, found: list[Explanation]) -> Iterator[str]:
    if args.received is None and any(is_stale(each) for each in found):
        yield "Its age is counted until now; --received says when the request came."


def _show_verdict(found: Explanation, shell: Shell) -> None:
    if found.is_believed:
        shell.say(Cell("right", Colour.GOOD), "It is the signature of these bytes.")
        return
    for what in dict.fromkeys(finding.what for finding in found.findings):
        alike = [finding for finding in found.findings if finding.what == what]
        names = ", ".join(each.mistake.value.replace("_", " ") for each in alike)
        shell.say(Cell(names, Colour.BAD), f"{what}.")
        for finding in alike:
            shell.say(Cell("fix", Colour.STRONG), f"{finding.fix}.", indent=2)
    if not found.findings:
        shell.say(Cell("wrong", Colour.BAD), f"{found.verdict}.")
    changed = list(differences(found))
    if changed:
        shell.say("")
        shell.table(("FROM", "VERIFIED", "SIGNED"), changed[:_MOST_DIFFERENCES])
        if len(changed) > _MOST_DIFFERENCES:
            shell.say(f"... and {len(changed) - _MOST_DIFFERENCES} more")


def _hexadecimal(data: bytes) -> Iterator[str]:
    """Yield lines of 16 bytes with their offset, and what they are in ASCII."""
    for offset in range(0, len(data), _ROW):
        row = data[offset : offset + _ROW]
        shown = "".join(chr(byte) if 0x20 <= byte <= 0x7E else "." for byte in row)
        yield f"{offset:>6}  {row.hex(' '):<{3 * _ROW - 1}}  {shown}"


def _as_json(found: Explanation) -> dict[str, object]:
    return {
        "scheme": found.scheme.value,
        "header": HEADERS[found.scheme][0],
        "believed": found.is_believed,
        "bytes": found.length,
        "parts": _parts_as_json(found.parts),
        "signed": None if found.signed is None else _parts_as_json(found.signed),
        "mistakes": [
            {"mistake": each.mistake.value, "what": each.what, "fix": each.fix}
            for each in found.findings
        ],
        "verdict": found.verdict,
    }


def _parts_as_json(parts: tuple[SignedPart, ...]) -> list[dict[str, object]]:
    return [
        {
            "from": part.origin,
            "field": part.field or None,
            "offset": part.offset,
            "bytes": len(part.data),
            "text": part.text,
        }
        for part in parts
    ]

"""`tocsin webhooks check`."""

import argparse
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from tocsin.cli.client import Client, Json, segment
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import DONE, REFUSED, Shell

_WIDTH: Final = 12
_MOST_NAMES: Final = 8


def add_check(group: Commands) -> None:
    """Declare the command among those of `tocsin webhooks`."""
    parser = add_parser(
        group,
        "check",
        check,
        teaches="""
            Check a webhook without sending anything: look its host up, check the addresses, connect,
            shake hands, show the receiver's certificate, and close. Says what would be refused, why,
            and what to do about it.
        """,
        example="tocsin webhooks check pager",
        then="tocsin webhooks test pager    # send it something",
    )
    parser.add_argument("name", metavar="NAME", help="the webhook's slug")


def check(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 when an attempt would be sent; 1 when it would fail, with the cause."""
    found = Client.of(shell).post(f"/webhooks/{segment(args.name)}/check")
    if args.json:
        shell.json(found)
    else:
        for name, text in _lines(found):
            shell.say(Cell(name.ljust(_WIDTH), Colour.FAINT), text)
    return DONE if found["ok"] else REFUSED


def _lines(found: Json) -> Iterator[tuple[str, str | Cell]]:
    took = found["microseconds"]
    if took["resolve"] is not None:
        yield "look up", f"{_ms(took['resolve'])}  {found['host']}"
    for each in found["addresses"]:
        good = Cell(f"{each['ip']} may be called", Colour.GOOD)
        yield "address", Cell(each["refusal"], Colour.BAD) if each["refusal"] else good
    if took["connect"] is not None:
        address = found["address"] or "by the proxy, which looks names up:"
        yield "connect", f"{_ms(took['connect'])}  {address} port {found['port']}"
    if took["tls"] is not None:
        yield (
            "TLS",
            f"{_ms(took['tls'])}  {found['version'] or '-'}  {found['cipher'] or ''}".rstrip(),
        )
    elif not found["tls"]:
        yield (
            "TLS",
            "none: the URL begins with http://, so anybody on the way can read what is sent",
        )
    for place, certificate in enumerate(found["chain"]):
        yield from _certificate(certificate, "issuer's" if place else "certificate")
    for warning in found["warnings"]:
        yield "warning", Cell(warning, Colour.WAITING)
    yield from _verdict(found)


def _certificate(certificate: Json, name: str) -> Iterator[tuple[str, str | Cell]]:
    names = certificate["names"]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    yield name, certificate["subject"] or "without a subject"
    if names:
        yield "  for", ", ".join(names[:_MOST_NAMES]) + more
    yield "  issued by", certificate["issuer"]
    days = certificate["days_left"]
    validity = f"{_day(certificate['starts_at'])} to {_day(certificate['expires_at'])}"
    left = f"{days} days left" if days >= 0 else "expired"
    yield "  valid", Cell(f"{validity}, {left}", Colour.BAD if days < 0 else None)
    yield "  key", f"{certificate['key']}, signed with {certificate['signature']}"


def _verdict(found: Json) -> Iterator[tuple[str, str | Cell]]:
    if found["ok"]:
        yield "fine", Cell("An attempt would be sent. Nothing was sent now.", Colour.GOOD)
        return
    yield "would fail", Cell(found["outcome"].replace("_", " "), Colour.BAD)
    for flaw in found["flaws"]:
        yield "because", Cell(flaw["sentence"], Colour.BAD)
        yield "so", flaw["advice"]
    if not found["flaws"]:
        yield "because", Cell(found["detail"] or "-", Colour.BAD)
        yield "so", found["explanation"]


def _ms(microseconds: int) -> str:
    return f"{microseconds / 1000:.1f} ms"


def _day(instant: str) -> str:
    return f"{datetime.fromisoformat(instant):%Y-%m-%d %H:%M}Z"

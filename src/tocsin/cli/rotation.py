"""`tocsin webhooks rotate` and `promote`: another auth code, without a page that its receiver refuses."""

import argparse

from tocsin.cli.client import Client, Json, segment
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.secret_argument import read_secret
from tocsin.cli.shell import DONE, Shell
from tocsin.cli.when import relative


def add_commands(webhooks: Commands) -> None:
    """Declare the subcommands."""
    _add_rotate(webhooks)
    _add_promote(webhooks)


def _add_rotate(webhooks: Commands) -> None:
    parser = add_parser(
        webhooks,
        "rotate",
        rotate,
        teaches="""
            Begin to change a webhook's auth code. A pending one is made, and signs Standard
            Webhooks' header beside the one in force; VictorOps' header changes when the pending
            one is promoted: by hand, or at a time that is given here. Then the old one is destroyed.
        """,
        example="""
            tocsin webhooks rotate pager
            tocsin webhooks rotate pager --promote-in 24h
            tocsin webhooks rotate pager --auth-code - < FILE   # one that the receiver has already
            tocsin webhooks rotate pager --cancel
        """,
        then="""
            tocsin webhooks show pager --auth-code   # give the pending one to the receiver
            tocsin webhooks test pager               # does it accept that?
            tocsin webhooks promote pager
        """,
    )
    parser.add_argument("name", metavar="NAME", help="the webhook's slug")
    parser.add_argument(
        "--auth-code",
        metavar="CODE",
        help="one that the receiver has already; - asks for it, or reads standard input",
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--promote-at", metavar="INSTANT", help="such as 2026-11-24T06:00:00Z")
    when.add_argument("--promote-in", metavar="LENGTH", help="such as 30m, 24h or 7d")
    when.add_argument("--cancel", action="store_true", help="take the pending one away")


def _add_promote(webhooks: Commands) -> None:
    parser = add_parser(
        webhooks,
        "promote",
        promote,
        teaches="""
            Put a webhook's pending auth code in force. It alone signs from now on, both headers,
            and the one before is destroyed.
        """,
        example="tocsin webhooks promote pager",
        then="tocsin webhooks test pager",
    )
    parser.add_argument("name", metavar="NAME", help="the webhook's slug")


def rotate(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is a pending one already, or the code or the time is refused."""
    path = f"/webhooks/{segment(args.name)}"
    client = Client.of(shell)
    if args.cancel:
        webhook = client.post(f"{path}/cancel-rotation")
        return _tell(args, shell, webhook, _cancelled(webhook))
    given = {
        "auth_code": args.auth_code and read_secret(args.auth_code, "An auth code", shell),
        "promote_at": args.promote_at,
        "promote_in": args.promote_in,
    }
    webhook = client.post(f"{path}/rotate", given)
    return _tell(args, shell, webhook, _begun(webhook, shell))


def promote(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when nothing was pending; 1 when there is no such webhook."""
    webhook = Client.of(shell).post(f"/webhooks/{segment(args.name)}/promote")
    return _tell(args, shell, webhook, _promoted(webhook))


def state_of_rotation(webhook: Json, shell: Shell) -> str:
    """Return how the change of a webhook's auth code stands."""
    if not webhook["rotating"]:
        return "-"
    if webhook["promote_at"] is None:
        return f"pending, until: tocsin webhooks promote {webhook['slug']}"
    return f"pending, promoted {relative(webhook['promote_at'], shell.now)}"


def _begun(webhook: Json, shell: Shell) -> list[str]:
    slug = webhook["slug"]
    told = [f"{slug} has a pending auth code: tocsin webhooks show {slug} --auth-code"]
    if not webhook["standard_signature"]:
        told.append("It signs nothing yet: this webhook sends no Standard Webhooks headers.")
    if webhook["promote_at"] is None:
        return [*told, f"Once the receiver has it: tocsin webhooks promote {slug}"]
    return [*told, f"It is in force {relative(webhook['promote_at'], shell.now)}."]


def _cancelled(webhook: Json) -> list[str]:
    return [_changed(webhook, "The pending auth code of {slug} is destroyed.")]


def _promoted(webhook: Json) -> list[str]:
    return [
        _changed(webhook, "The pending auth code of {slug} is in force; the old one is destroyed.")
    ]


def _changed(webhook: Json, sentence: str) -> str:
    if webhook["changed"]:
        return sentence.format(slug=webhook["slug"])
    return f"{webhook['slug']} has no pending auth code; nothing is changed."


def _tell(args: argparse.Namespace, shell: Shell, webhook: Json, sentences: list[str]) -> int:
    if args.json:
        shell.json(webhook)
    else:
        for sentence in sentences:
            shell.say(sentence)
    return DONE

"""`tocsin webhooks`."""

import argparse
from datetime import datetime
from pathlib import Path
from typing import Final

from tocsin.cli.client import Client, Json, segment
from tocsin.cli.command import Commands, add_group, add_parser
from tocsin.cli.delivery import follow, show_attempts
from tocsin.cli.other_files import OtherFiles
from tocsin.cli.paint import Cell, Colour, word
from tocsin.cli.rotation import add_commands, state_of_rotation
from tocsin.cli.secret_argument import STDIN, read_line
from tocsin.cli.shell import DONE, REFUSED, Shell
from tocsin.cli.webhook_check import add_check
from tocsin.cli.when import relative
from tocsin.domain.webhook import DisabledReason
from tocsin.domain.wording import counted

_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
PATH: Final = "/webhooks"
OPTIONS: Final = (
    "profile",
    "summary",
    "sender_headers",
    "standard_signature",
    "answer_may_act",
    "links",
    "follow_up",
    "connect_timeout",
    "total_timeout",
    "deadline",
    "retry_waits",
    "skip_if_late",
    "when_failing",
)


_FILES: Final = {
    "ca-bundle": "ca_bundle",
    "client-certificate": "client_certificate",
    "client-key": "client_key",
}
_FILE_HELP: Final = {
    "ca_bundle": "PEM file of the CAs that verify its receiver, in place of the system's",
    "client_certificate": "PEM file of the certificate that the receiver asks for, with its chain",
    "client_key": "PEM file of that certificate's private key",
}


def add_command(commands: Commands) -> None:
    group = add_group(
        commands,
        "webhooks",
        list_webhooks,
        teaches="""
            List, show, add, check, test, enable, disable and delete webhooks: the URLs that steps
            of escalation policies call. What is kept in a file is better changed there: tocsin apply.
        """,
        example="""
            tocsin webhooks
            tocsin webhooks show pager --auth-code   # what the receiver verifies with
            tocsin webhooks check pager              # would it reach its receiver?
            tocsin webhooks test pager               # send one, and see what becomes of it
        """,
        then="tocsin deliveries --webhook pager",
    )
    add_parser(
        group,
        "list",
        list_webhooks,
        teaches="List the webhooks.",
        example="tocsin webhooks list",
        then="tocsin webhooks show pager",
    )
    _add_show(group)
    _add_add(group)
    add_check(group)
    _add_test(group)
    _add_enable(group)
    _add_disable(group)
    add_commands(group)
    _add_delete(group)


def _add_show(group: Commands) -> None:
    parser = add_parser(
        group,
        "show",
        show,
        teaches="""
            Show a webhook, and its auth code if asked. Who looks at an auth code is written down.
        """,
        example="tocsin webhooks show pager --auth-code",
        then="tocsin webhooks test pager",
    )
    parser.add_argument("name", metavar="NAME", help="the webhook's slug")
    parser.add_argument(
        "--auth-code",
        action="store_true",
        help="show only the secret, in VictorOps' spelling and as Standard Webhooks libraries take it",
    )


def _add_add(group: Commands) -> None:
    parser = add_parser(
        group,
        "add",
        add,
        teaches="""
            Make a webhook. The URL is kept, called and signed exactly as it is written.
        """,
        example="tocsin webhooks add pager https://pager.example/hook",
        then="""
            tocsin webhooks show pager --auth-code   # give it to the receiver
            tocsin webhooks test pager
        """,
    )
    parser.add_argument("name", metavar="NAME", help="its name; its slug is made of it")
    parser.add_argument(
        "url",
        metavar="URL",
        help="where it goes; - asks for it, or reads standard input, as a URL may hold a secret",
    )
    parser.add_argument(
        "--profile",
        choices=("wire", "documented"),
        default="wire",
        help="what it carries: all fields, as VictorOps sends them (wire), or three (documented)",
    )
    for option, field in _FILES.items():
        parser.add_argument(f"--{option}", dest=field, metavar="FILE", help=_FILE_HELP[field])


def _add_test(group: Commands) -> None:
    parser = add_parser(
        group,
        "test",
        test,
        teaches="""
            Send a test to a webhook, and say what became of it. It is a real delivery, signed like
            any other, with incident 0 and message_type INFO. It is sent once: a failed test is not
            tried again, so mend what is wrong and send another. Exit 0 means that it was delivered.
        """,
        example="tocsin webhooks test pager",
        then="tocsin why dlv_...    # with the id that was shown",
    )
    parser.add_argument("name", metavar="NAME", help="the webhook's slug")


def _add_enable(group: Commands) -> None:
    parser = add_parser(
        group,
        "enable",
        enable,
        teaches="""
            Let steps call a webhook again that was disabled: by somebody, or by Tocsin, because its
            receiver answered 410 (Gone) again and again. Its failures are counted anew.
        """,
        example="""
            tocsin webhooks test pager     # does the receiver take it again?
            tocsin webhooks enable pager
        """,
        then="tocsin deliveries --webhook pager",
    )
    parser.add_argument("name", metavar="NAME", help="the webhook's slug")


def _add_disable(group: Commands) -> None:
    parser = add_parser(
        group,
        "disable",
        disable,
        teaches="""
            Let steps pass over a webhook until somebody enables it. What waits to be sent to it is
            given up.
        """,
        example="tocsin webhooks disable pager",
        then="tocsin webhooks enable pager",
    )
    parser.add_argument("name", metavar="NAME", help="the webhook's slug")


def _add_delete(group: Commands) -> None:
    parser = add_parser(
        group,
        "delete",
        delete,
        teaches="Delete a webhook that no policy calls. Its secrets are forgotten.",
        example="tocsin webhooks delete old-pager",
        then="tocsin webhooks    # those that are left",
    )
    parser.add_argument("name", metavar="NAME", help="the webhook's slug")


def list_webhooks(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0."""
    page = Client.of(shell).get(PATH)
    shell.listing(
        page,
        ("WEBHOOK", "NAME", "STATE", "PROFILE", "URL"),
        lambda each: (each["slug"], each["name"], _state(each), each["profile"], _url(each)),
        nothing="No webhooks yet. Make one: tocsin webhooks add pager https://pager.example/hook",
        as_json=args.json,
    )
    for each in page["items"] if not args.json else ():
        if each["disabled_reason"] == DisabledReason.GONE:
            slug = each["slug"]
            shell.say(f"{slug} was {_disabled(each, shell)}.")
            shell.say(f"When it takes pages again: tocsin webhooks enable {slug}")
        if each["breaker"]:
            shell.say(f"{each['slug']} is left alone, but for probes: {_breaker(each, shell)}.")
            shell.say(f"Try it now: tocsin webhooks test {each['slug']}")
        if each["failing"]:
            shell.say(f"{each['slug']} is {_failing(each, shell)}")
    return DONE


def show(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when there is none of this name, or the token may not see its secret."""
    client = Client.of(shell)
    path = f"{PATH}/{segment(args.name)}"
    webhook = client.get(f"{path}/auth-code" if args.auth_code else path)
    if args.json:
        shell.json(webhook)
    elif args.auth_code:
        shell.facts(_codes(webhook))
    else:
        shell.facts(
            {
                "webhook": webhook["slug"],
                "name": webhook["name"],
                "url": _url(webhook),
                "state": _long_state(webhook, shell),
                **({"breaker": f"open: {_breaker(webhook, shell)}"} if webhook["breaker"] else {}),
                "rotation": state_of_rotation(webhook, shell),
                **{option.replace("_", " "): _option(webhook[option]) for option in OPTIONS},
                "slots": str(webhook["slots"] or "as the setting says"),
                **_certificates(webhook, shell),
            }
        )
    return DONE


def add(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when the URL or the name is refused."""
    client = Client.of(shell)
    files = OtherFiles(Path())
    given = {"name": args.name, "profile": args.profile}
    given |= {
        field: files.read(path)
        for field in _FILES.values()
        if (path := getattr(args, field)) is not None
    }
    given["url"] = read_line("The webhook's URL", shell) if args.url == STDIN else args.url
    made = client.post(PATH, given)
    if args.json:
        shell.json(made)
    else:
        slug = made["slug"]
        shell.say(f"{slug} is made. Its auth code: tocsin webhooks show {slug} --auth-code")
        shell.say(
            f"Nothing calls it until a policy's step does; try it: tocsin webhooks test {slug}"
        )
    return DONE


def test(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 when the receiver took it; 1 when it did not, with the likely cause."""
    client = Client.of(shell)
    made = client.post(f"{PATH}/{segment(args.name)}/test")
    delivery = follow(client, made["delivery"], shell)
    if args.json:
        shell.json(delivery)
    else:
        show_attempts(delivery, shell)
        shell.say(_conclusion(delivery))
    return DONE if delivery["state"] == "delivered" else REFUSED


def _conclusion(delivery: Json) -> str:
    """Return what a test showed, and that nothing comes after it."""
    id_, webhook = delivery["id"], delivery["webhook"]
    if delivery["state"] == "delivered":
        return f"{id_} is delivered."
    if delivery["ended_at"]:
        return f"{id_} failed. A test is sent once, so it is not tried again."
    if delivery["attempts"]:
        return f"{id_} is still under way; a test is sent once. See: tocsin deliveries show {id_}"
    return (
        f"{id_} still waits for a free slot of {webhook}, and is then sent once. "
        f"See: tocsin deliveries show {id_}"
    )


def enable(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when it was; 1 when there is none."""
    return _switch(args, shell, enabled=True)


def disable(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0, also when it was; 1 when there is none."""
    return _switch(args, shell, enabled=False)


def _switch(args: argparse.Namespace, shell: Shell, *, enabled: bool) -> int:
    webhook = Client.of(shell).patch(f"{PATH}/{segment(args.name)}", {"enabled": enabled})
    if args.json:
        shell.json(webhook)
    else:
        already = "" if webhook["changed"] else " already"
        state = "enabled" if enabled else "disabled"
        shell.say(f"{webhook['slug']} is {state}{already}.")
    return DONE


def delete(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0; 1 when a policy still calls it, or there is none."""
    answer = Client.of(shell).delete(f"{PATH}/{segment(args.name)}")
    if args.json:
        shell.json(answer)
    else:
        shell.say(f"{args.name} is deleted.")
    return DONE


def _state(webhook: Json) -> Cell:
    if not webhook["enabled"]:
        return word("disabled")
    return word("failing" if webhook["failing"] or webhook["breaker"] else "enabled")


def _failing(webhook: Json, shell: Shell) -> str:
    failing = webhook["failing"]
    count = counted(failing["failures"], "attempt has", "attempts have")
    since = relative(failing["since"], shell.now)
    return f"failing: {count} failed since {since}; the last: {failing['text']}"


def _disabled(webhook: Json, shell: Shell) -> str:
    clause = DisabledReason(webhook["disabled_reason"]).clause
    return f"disabled {relative(webhook['disabled_at'], shell.now)}, {clause}"


def _breaker(webhook: Json, shell: Shell) -> str:
    breaker = webhook["breaker"]
    failures = counted(breaker["failures"], "attempt")
    first = relative(breaker["failing_since"], shell.now)
    return f"{failures} failed, the first {first}, without a 2xx between"


def _long_state(webhook: Json, shell: Shell) -> str | Cell:
    if not webhook["enabled"]:
        return _disabled(webhook, shell)
    if webhook["failing"]:
        return Cell(_failing(webhook, shell), Colour.BAD)
    return _state(webhook)


def _codes(answer: Json) -> dict[str, str]:
    codes = {"auth code": answer["auth_code"], "standard": answer["standard_secret"]}
    if answer["pending_auth_code"]:
        codes["pending auth code"] = answer["pending_auth_code"]
        codes["pending standard"] = answer["pending_standard_secret"]
    return codes


def _url(webhook: Json) -> str:
    return str(webhook["url"] or "(administrators see it)")


def _certificates(webhook: Json, shell: Shell) -> dict[str, str | Cell]:
    bundle, client = webhook["ca_bundle"], webhook["client_certificate"]
    shown = webhook["receiver_certificate"]
    found: dict[str, str | Cell] = {
        "CA bundle": counted(bundle.count(_BEGIN), "certificate") if bundle else "the system's",
        "client certificate": "yes" if client else "none",
    }
    if shown:
        is_over = datetime.fromisoformat(shown["expires_at"]) <= shell.now
        ends = f"{'ended' if is_over else 'ends'} {relative(shown['expires_at'], shell.now)}"
        text = f"issued by {shown['issuer']}, {ends}"
        found["receiver's certificate"] = Cell(text, Colour.BAD if is_over else None)
    return found


def _option(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {each}" for name, each in value.items())
    return "none" if value is None else str(value)

"""`tocsin serve`."""

import argparse
import gc
from typing import TYPE_CHECKING, Final

import tocsin
from tocsin.cli.alert import ALERT_PATH
from tocsin.cli.command import Commands, add_parser, number_up_to
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import DONE, Shell
from tocsin.domain.invitation import invitation_url
from tocsin.domain.role import ALL_ROLES, Role, UnknownRole, parse_roles, roles_text
from tocsin.domain.webhook import DisabledReason
from tocsin.domain.wording import counted, listed
from tocsin.secret import Secret
from tocsin.settings import Settings
from tocsin.wiring.seat import Seat

if TYPE_CHECKING:  # its parts take most of a second to import, and no other command needs them
    from tocsin.wiring.serving import Running

_BODY: Final = '{"message_type": "CRITICAL", "entity_id": "disk/db1", "state_message": "disk full"}'
MOST_PROCESSES: Final = 64
_EVERY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104 - to recognise it


def add_command(commands: Commands) -> None:
    parser = add_parser(
        commands,
        "serve",
        run,
        teaches="""
            Run the server, until Ctrl-C or SIGTERM. The first start makes the database, the master
            key and the admin token in one folder (TOCSIN_HOME), and shows the URL for your alerts.
            Settings come from the environment; docs/reference/settings.md lists them.
        """,
        example="""
            tocsin serve
            TOCSIN_LISTEN=0.0.0.0:7878 tocsin serve   # for every address of this machine
            tocsin serve --paused                     # take alerts in, but send nothing yet
            tocsin serve --processes 4                # on PostgreSQL: use four cores
            tocsin serve --only deliver               # on PostgreSQL: a node that only sends
        """,
        then="tocsin apply oncall.yaml   # in another terminal: who is paged, and when",
        asks_server=False,
        speaks_json=False,
    )
    parser.add_argument(
        "--paused",
        action="store_true",
        help="fire and send nothing until: tocsin resume (tocsin resume --dry-run lists what waits)",
    )
    parser.add_argument(
        "--processes",
        type=number_up_to(MOST_PROCESSES),
        default=1,
        metavar="N",
        help="run N processes of this server on its one address, to use more cores (PostgreSQL)",
    )
    parser.add_argument(
        "--only",
        type=_roles,
        metavar="ROLES",
        help="do only api, escalate or deliver, or two of them; other nodes do the rest (PostgreSQL)",
    )
    parser.add_argument(
        "--forget-secrets",
        action="store_true",
        help="start once without a master key that is lost for good, and forget what only it opens",
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 after a graceful stop; 1 when it cannot start, with the reason on stderr."""
    settings = Settings.from_environment(shell.env)
    seat = Seat.of_environment(shell.env)
    if args.processes > 1 and seat is None:
        from tocsin.wiring.supervisor import supervise  # noqa: PLC0415 - see below

        return supervise(
            settings,
            count=args.processes,
            options=[] if args.only is None else ["--only", roles_text(args.only)],
            first_options=[
                option
                for option, is_given in (
                    ("--paused", args.paused),
                    ("--forget-secrets", args.forget_secrets),
                )
                if is_given
            ],
        )
    # Nothing that is imported is ever garbage: looking for it is a quarter of the start. The
    # collector is on again when the server answers.
    gc.disable()
    from tocsin.wiring.process import serve  # noqa: PLC0415 - see above

    serve(
        settings,
        paused=args.paused,
        forget_secrets=args.forget_secrets,
        on_start=lambda server: _introduce(server, shell),
        roles=args.only or ALL_ROLES,
        seat=seat,
    )
    return DONE


def _roles(text: str) -> frozenset[Role]:
    try:
        return parse_roles(text)
    except UnknownRole as refusal:
        raise argparse.ArgumentTypeError(refusal.message) from None


def _introduce(server: "Running", shell: Shell) -> None:
    """Say where it is and, once, what was made; at most 15 lines."""
    where = server.store.database.url.render_as_string(hide_password=True)
    shell.say(Cell(f"Tocsin {tocsin.__version__} answers at {server.public_url}", Colour.STRONG))
    shell.say(f"Database: {server.store.database.file or where}")
    if server.processes > 1:
        shell.say(f"Processes: {server.processes}, on one address")
    if server.roles != ALL_ROLES:
        shell.say(f"Roles: {roles_text(server.roles)}; the rest is for other nodes")
    if server.store.forgotten:
        shell.say(f"Forgotten: the URLs and auth codes of {listed(server.store.forgotten)}.")
        shell.say("Give them again, in a YAML file: tocsin apply FILE")
    if server.first_start:
        _tell_secrets(server.public_url, server.first_start.alert_key, shell)
        shell.say(
            "Open this within an hour to become the administrator of the pages; it works once:"
        )
        shell.say(invitation_url(server.public_url, server.first_start.invitation), indent=2)
        shell.say(f"Admin token: {server.first_start.token_file} (mode 0600; the commands find it)")
    for sentence in _lacking(server):
        shell.say(Cell(sentence, Colour.WAITING))
    shell.say("Ctrl-C stops it.")
    shell.out.flush()


def _tell_secrets(url: str, key: Secret, shell: Shell) -> None:
    alert_url = f"{url}{ALERT_PATH}/{key.reveal()}"
    shell.say("Send alerts to this URL; its key is shown only now:")
    shell.say(f"{alert_url}/ROUTING_KEY", indent=2)
    shell.say("Send one now:")
    shell.say(f"curl -d '{_BODY}' {alert_url}/default", indent=2)


def _has_administrator(server: "Running") -> bool:
    from tocsin.actions.users import has_administrator  # noqa: PLC0415 - as the parts of a server

    with server.store.database.read() as tx:
        return has_administrator(tx)


def _lacking(server: "Running") -> list[str]:
    health = server.health()
    if health is None:
        return ["The database does not answer: until it does, everything is refused for now (503)."]
    lacking = []
    if not (server.first_start or _has_administrator(server)):
        lacking.append(
            "Nobody can administer the pages yet: tocsin users add NAME --role administrator"
        )
    if health.is_paused:
        lacking.append("Paused: nothing fires and nothing is sent until: tocsin resume")
    if not health.has_default_routing:
        lacking.append("Not set yet: the default routing, so unknown routing keys page nobody.")
        where = f"{server.public_url}/teams"
        lacking.append(f"Next: say who is paged, at {where} or in a YAML file: tocsin apply FILE")
    gone = health.disabled_webhooks.get(DisabledReason.GONE, 0)
    if gone:
        who = counted(gone, "webhook is", "webhooks are")
        lacking.append(
            f"{who} disabled after answers of 410 (Gone): {server.public_url}/webhooks, or: tocsin webhooks"
        )
    if health.failing_webhooks:
        who = counted(len(health.failing_webhooks), "webhook fails", "webhooks fail")
        lacking.append(f"{who} again and again: {server.public_url}/webhooks, or: tocsin webhooks")
    settings = server.settings
    if health.links_lead_nowhere:
        lacking.append(
            "Not set: TOCSIN_PUBLIC_URL, so pages go out without the links that webhooks ask for."
        )
    if settings.public_url is None and settings.listen.host in _EVERY_ADDRESS:
        lacking.append("Not set: TOCSIN_PUBLIC_URL, how others reach this server.")
    return lacking

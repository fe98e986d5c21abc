"""`tocsin serve`."""

import argparse
import gc
from typing import TYPE_CHECKING, Final

import tocsin
from tocsin.cli.alert import ALERT_PATH
from tocsin.cli.command import Commands, add_parser
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import DONE, Shell
from tocsin.domain.webhook import DisabledReason
from tocsin.domain.wording import counted, listed
from tocsin.secret import Secret
from tocsin.settings import Settings

if TYPE_CHECKING:  # its parts take most of a second to import, and no other command needs them
    from tocsin.wiring.serving import Running

_BODY: Final = '{"message_type": "CRITICAL", "entity_id": "disk/db1", "state_message": "disk full"}'
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
        "--forget-secrets",
        action="store_true",
        help="start once without a master key that is lost for good, and forget what only it opens",
    )


def run(args: argparse.Namespace, shell: Shell) -> int:
    """Exit 0 after a graceful stop; 1 when it cannot start, with the reason on stderr."""
    settings = Settings.from_environment(shell.env)
    # Nothing that is imported is ever garbage: looking for it is a quarter of the start. The
    # collector is on again when the server answers.
    gc.disable()
    from tocsin.wiring.serving import serve  # noqa: PLC0415 - see above

    serve(
        settings,
        paused=args.paused,
        forget_secrets=args.forget_secrets,
        on_start=lambda server: _introduce(server, shell),
    )
    return DONE


def _introduce(server: "Running", shell: Shell) -> None:
    """Say where it is and, once, what was made; at most 15 lines."""
    where = server.store.database.url.render_as_string(hide_password=True)
    shell.say(Cell(f"Tocsin {tocsin.__version__} answers at {server.public_url}", Colour.STRONG))
    shell.say(f"Database: {server.store.database.file or where}")
    if server.store.forgotten:
        shell.say(f"Forgotten: the URLs and auth codes of {listed(server.store.forgotten)}.")
        shell.say("Give them again, in a YAML file: tocsin apply FILE")
    if server.first_start:
        _tell_secrets(server.public_url, server.first_start.alert_key, shell)
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


def _lacking(server: "Running") -> list[str]:
    health = server.health()
    if health is None:
        return ["The database does not answer: until it does, everything is refused for now (503)."]
    lacking = []
    if health.is_paused:
        lacking.append("Paused: nothing fires and nothing is sent until: tocsin resume")
    if not health.has_default_routing:
        lacking.append("Not set yet: the default routing, so unknown routing keys page nobody.")
        lacking.append("Next: describe who is paged in a YAML file, and: tocsin apply FILE")
    gone = health.disabled_webhooks.get(DisabledReason.GONE, 0)
    if gone:
        who = counted(gone, "webhook is", "webhooks are")
        lacking.append(f"{who} disabled after answers of 410 (Gone): tocsin webhooks")
    if health.failing_webhooks:
        who = counted(len(health.failing_webhooks), "webhook fails", "webhooks fail")
        lacking.append(f"{who} again and again: tocsin webhooks")
    settings = server.settings
    if health.links_lead_nowhere:
        lacking.append(
            "Not set: TOCSIN_PUBLIC_URL, so pages go out without the links that webhooks ask for."
        )
    if settings.public_url is None and settings.listen.host in _EVERY_ADDRESS:
        lacking.append("Not set: TOCSIN_PUBLIC_URL, how others reach this server.")
    return lacking

"""`tocsin chaos` from its first line to its last: a folder, a store, the run, and what came of it."""

import asyncio
import random
import secrets
import shutil
import signal
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import uvloop

from tocsin.chaos.findings import Findings
from tocsin.chaos.ordeal import RECEIVERS, Ordeal, Plan
from tocsin.chaos.processes import PostgreSQL, free_ports
from tocsin.chaos.telling import progress, tell
from tocsin.cli.shell import DONE, INTERRUPTED, REFUSED, Shell
from tocsin.errors import TocsinError
from tocsin.master_key import make_master_key, write_master_key
from tocsin.secret import Secret
from tocsin.store.database import Database, is_store_failure
from tocsin.store.evidence import is_empty
from tocsin.wiring.nodes import clock_of

_PROGRESS_SECONDS: Final = 5.0
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KEY_FILE: Final = "master.key"


class DatabaseNotEmpty(TocsinError):
    """The database that was named holds something."""

    code: ClassVar[str] = "database_not_empty"


class DatabaseNotUsable(TocsinError):
    """The database that was named cannot be reached."""

    code: ClassVar[str] = "database_not_usable"


class NoFolder(TocsinError):
    """There is nowhere to put what the servers need."""

    code: ClassVar[str] = "no_folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    nodes: int
    kills: int
    seed: int
    database_url: Secret | None
    """None: an SQLite file of its own."""
    postgresql_stop: str | None = None
    postgresql_start: str | None = None


def perform(options: Options, shell: Shell, *, as_json: bool) -> int:
    """Run it. Exit 0 only when all of it was proved; 130 when Ctrl-C ended it, with what was found so far.

    The folder of the servers is removed, unless something is wrong: then it is named.
    Raises: DatabaseNotEmpty, DatabaseNotUsable, NoFolder, and every refusal of `Ordeal.run`.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="tocsin-chaos-"))
    except OSError as error:
        raise NoFolder(
            f"chaos needs a temporary folder ({error.strerror}): set TMPDIR to one of your own"
        ) from None
    is_left = True
    try:
        database = Database(_database_url(options, folder).reveal())
        try:
            _refuse_used(database, options)
            findings, is_interrupted = uvloop.run(_run(options, folder, database, shell))
        finally:
            database.close()
        run = {
            "store": "postgresql" if options.database_url else "sqlite",
            "nodes": options.nodes,
            "seed": options.seed,
            "interrupted": is_interrupted,
        }
        tell(findings, run, shell, as_json=as_json)
        is_left = not findings.is_proof
    except (DatabaseNotEmpty, DatabaseNotUsable):
        is_left = False  # nothing was run
        raise
    finally:
        if is_left:
            shell.complain(f"what the servers wrote is left in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if is_left:
        return REFUSED
    return INTERRUPTED if is_interrupted else DONE


def _database_url(options: Options, folder: Path) -> Secret:
    if options.database_url is None:
        return Secret(f"sqlite:///{folder / 'tocsin.db'}")
    _, _, rest = options.database_url.reveal().partition("://")
    return Secret(f"postgresql+psycopg://{rest}")


def _refuse_used(database: Database, options: Options) -> None:
    if options.database_url is None:
        return
    try:
        if is_empty(database):
            return
    except Exception as error:
        if not is_store_failure(error):
            raise
        cause = str(getattr(error, "orig", error)).strip().split("\n", 1)[0]
        raise DatabaseNotUsable(
            f"the database of --database-url cannot be used ({cause}): check that it exists, "
            "that the server runs, and the URL"
        ) from None
    raise DatabaseNotEmpty(
        "the database of --database-url is not empty, and chaos would fill it with alerts: make a new one "
        "(createdb tocsin_chaos), and drop it afterwards"
    )


async def _run(
    options: Options, folder: Path, database: Database, shell: Shell
) -> tuple[Findings, bool]:
    stop, is_interrupted = asyncio.Event(), False

    def interrupt() -> None:
        nonlocal is_interrupted
        is_interrupted = True
        stop.set()

    for number in _STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, interrupt)
    ordeal = Ordeal(
        _plan(options, folder, shell),
        database,
        clock_of(database),
        randomness=random.Random(options.seed),  # noqa: S311 - no secret: it is to be repeatable
        stop=stop,
    )
    _say(shell, f"chaos: seed {options.seed}, servers' logs in {folder}; Ctrl-C ends it early")
    reporting = asyncio.create_task(_report(ordeal, shell))
    try:
        return await ordeal.run(), is_interrupted
    finally:
        reporting.cancel()
        with suppress(asyncio.CancelledError):
            await reporting


def _plan(options: Options, folder: Path, shell: Shell) -> Plan:
    key_file = folder / _KEY_FILE
    write_master_key(key_file, make_master_key(secrets.token_bytes))
    postgresql = None
    if options.postgresql_stop and options.postgresql_start:
        log = folder / "postgresql.log"
        postgresql = PostgreSQL(options.postgresql_stop, options.postgresql_start, shell.env, log)
    return Plan(
        folder=folder,
        # Not by the seed: two runs with the same one may go on at the same time.
        ports=free_ports(RECEIVERS + options.nodes, random.SystemRandom()),
        kills=options.kills,
        settings={
            "TOCSIN_DATABASE_URL": _node_url(options, folder),
            "TOCSIN_MASTER_KEY_FILE": str(key_file),
        },
        env=shell.env,
        postgresql=postgresql,
    )


def _node_url(options: Options, folder: Path) -> str:
    """Return the database as a server's settings write it."""
    url = options.database_url
    return f"sqlite:///{folder / 'tocsin.db'}" if url is None else url.reveal()


async def _report(ordeal: Ordeal, shell: Shell) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        _say(shell, f"chaos: {progress(ordeal.standing)}")


def _say(shell: Shell, line: str) -> None:
    shell.err.write(f"{line}\n")
    shell.err.flush()

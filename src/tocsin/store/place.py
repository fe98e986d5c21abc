"""Where an SQLite database may lie: in a folder that can be written, on this machine, for one server."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import sqlalchemy as sa

from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin.store.postgresql import IN_UTF8, limit_waiting

# Locks and shared memory do not work there as SQLite needs them: two servers would both think that
# they are alone, and a database can be damaged. Source: sqlite.org, "How To Corrupt", section 2.
_NETWORK_FILE_SYSTEMS = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs"}
    | {"glusterfs", "gfs2", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
_MOUNTS = Path("/proc/self/mounts")


class FolderNotWritable(TocsinError):
    """The folder of the database cannot be written."""

    code: ClassVar[str] = "folder_not_writable"
    status_hint: ClassVar[int] = 500


class NetworkFileSystem(TocsinError):
    """The database would lie on another machine's disk."""

    code: ClassVar[str] = "network_file_system"
    status_hint: ClassVar[int] = 500


class AnotherServer(TocsinError):
    """A second server was started on a database that has one."""

    code: ClassVar[str] = "another_server"
    status_hint: ClassVar[int] = 500


class DatabaseNotReached(TocsinError):
    """The database cannot be opened."""

    code: ClassVar[str] = "database_not_reached"
    status_hint: ClassVar[int] = 500


def prepare_folder(folder: Path, *, mounts: Path = _MOUNTS) -> None:
    """Make the folder if need be, and refuse one that could not hold a database.

    Raises: FolderNotWritable, NetworkFileSystem.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".tocsin-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise FolderNotWritable(
            f"{folder} cannot be written ({error.strerror}): "
            "make it writable for this user, or set TOCSIN_HOME to a folder that is",
            folder=str(folder),
        ) from None
    kind = _file_system(folder, mounts)
    if kind in _NETWORK_FILE_SYSTEMS:
        raise NetworkFileSystem(
            f"{folder} is on a network file system ({kind}), where SQLite is not safe: set "
            "TOCSIN_HOME to a local disk, or TOCSIN_DATABASE_URL to a PostgreSQL server",
            folder=str(folder),
            file_system=kind,
        )


def _file_system(folder: Path, mounts: Path) -> str:
    """Return the kind of file system that holds a folder; empty where the system does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    path = folder.resolve()
    found = (Path("/"), "")
    for line in lines:
        _, point, kind, *_ = line.split(" ")
        place = Path(point.replace("\\040", " "))
        if path.is_relative_to(place) and len(place.parts) >= len(found[0].parts):
            found = (place, kind)
    return found[1]


@contextmanager
def sole_server(lock_file: Path) -> Iterator[int]:
    """Hold the lock that says that a server runs on this database; the system frees it with us.

    Gives its descriptor: processes that inherit it hold the lock, too.

    Raises: AnotherServer, naming the process that holds it.
    """
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise AnotherServer(
                f"a Tocsin server (process {holder}) is already running on the database beside "
                f"{lock_file}: stop it first, or set TOCSIN_HOME to another folder",
                process=holder,
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def reaching(file: Path | None) -> Iterator[None]:
    """Explain what the driver says when a database cannot be opened. Raises: DatabaseNotReached."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _not_reached(error, file) from error


# What PostgreSQL, the system or the name server say of a server that is away for now, or is starting.
_AWAY = re.compile(
    r"refused|timeout|timed out|no route|unreachable|no such file|resolve|translate host|reset by peer"
    r"|closed the connection|not answered|starting up|shutting down|recovery|too many|remaining connection slots",
    re.IGNORECASE,
)
_KNOCK_SECONDS = 5


def knock(url: Secret) -> str | None:
    """Return why PostgreSQL cannot be used for now; None: it takes connections. Not for the loop.

    Raises: DatabaseNotReached, for what does not pass by itself: a wrong password, no such database.
    """
    made = sa.make_url(url.reveal())
    if "connect_timeout" not in made.query:
        made = made.update_query_dict({"connect_timeout": str(_KNOCK_SECONDS)})
    engine = sa.create_engine(
        made, poolclass=sa.pool.NullPool, hide_parameters=True, connect_args=IN_UTF8
    )
    limit_waiting(engine)
    try:
        with reaching(None), engine.connect():
            return None
    except DatabaseNotReached as refusal:
        cause = str(refusal.fields["cause"])
        if not _AWAY.search(cause):
            raise
        return cause


def _not_reached(error: sa.exc.DBAPIError, file: Path | None) -> DatabaseNotReached:
    cause = str(error.orig).strip().splitlines()[0]
    if file is None:
        return DatabaseNotReached(
            f"the PostgreSQL server of TOCSIN_DATABASE_URL cannot be used ({cause}): "
            "check that it runs, and the URL",
            cause=cause,
        )
    return DatabaseNotReached(
        f"{file} cannot be used ({cause}): check that it is a Tocsin database that this user "
        "can write, or set TOCSIN_HOME to another folder",
        cause=cause,
        file=str(file),
    )

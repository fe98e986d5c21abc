"""Opening the vault at start: whatever would fail at the first page is refused now, with the way on."""

import stat
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.configuration.editing import BASE, NOW, Alice, counting_bytes

from tocsin.actions.editor import Editor
from tocsin.actions.forget_secrets import Forgotten, NothingToForget, forget_secrets
from tocsin.actions.idempotency import Repeatable, once
from tocsin.actions.unlock import Unlocked, unlock
from tocsin.domain.network import Networks
from tocsin.ids import IdSource
from tocsin.master_key import (
    MasterKey,
    MasterKeyMissing,
    make_master_key,
    read_master_key,
    replace_master_key,
)
from tocsin.secret import Secret
from tocsin.store import schema
from tocsin.store.database import Database
from tocsin.store.schema import Sealed
from tocsin.store.sealed import count_seals
from tocsin.store.settings_rows import VAULT_PROOF, put_setting
from tocsin.store.webhooks import list_webhooks
from tocsin.vault import MARK_BYTES, MasterKeyWrong, Vault, key_name

BYTES = counting_bytes()
IDS = IdSource(node=2)
ALL = 12
"""How much lies sealed after `fill`."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tocsin.db.key"


def start(database: Database, file: Path, *, given: MasterKey | None = None) -> Unlocked:
    with database.write() as tx:
        return unlock(tx, file=file, given=given, random_bytes=BYTES)


def editor(vault: Vault) -> Editor:
    networks = Networks.parse("public")
    return Editor("server", NOW, IDS, BYTES, vault, networks)


def fill(database: Database, vault: Vault) -> Alice:
    """Leave something in every place where something can lie sealed."""
    alice = Alice(database, editor(vault))
    alice.apply(BASE.replace("bridge: {", "bridge: {pending_auth_code: the-pending-auth-code, "))
    with database.write() as tx:
        repeatable = Repeatable(1, "key", b"request")
        once(tx, repeatable, lambda: (201, "a new key"), now=NOW, vault=vault)
        client = {"client_certificate": "PEM", "client_key": vault.seal(Secret("a client key"))}
        webhooks = schema.metadata.tables["webhooks"]
        tx.core.execute(webhooks.update().where(webhooks.c.slug == "bridge").values(**client))
        for column in sealed_columns():
            filled = sa.select(column).where(sa.func.length(column) > 0)
            assert tx.core.execute(filled).first(), f"nothing is sealed in {column}"
    return alice


def sealed_columns() -> list[sa.Column[Any]]:
    return [
        column
        for table in schema.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Sealed)
    ]


def seals(database: Database) -> dict[str, int]:
    with database.read() as tx:
        return dict(count_seals(tx))


def given_key(*lines: Secret) -> MasterKey:
    return MasterKey(Secret("\n".join(line.reveal() for line in lines)), "TOCSIN_MASTER_KEY")


def test_the_first_start_makes_a_file_that_only_its_owner_reads(
    database: Database, file: Path
) -> None:
    """Later starts find it."""
    sealed = start(database, file).vault.seal(Secret("a"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.glob("*.key*")) == [file]
    assert start(database, file).vault.open(sealed) == Secret("a")


def test_a_key_that_is_given_is_taken_and_no_file_is_made(database: Database, file: Path) -> None:
    """PostgreSQL's nodes share it by a setting."""
    key = given_key(make_master_key(BYTES))
    sealed = start(database, file, given=key).vault.seal(Secret("a"))
    assert start(database, file, given=key).vault.open(sealed) == Secret("a")
    assert not file.exists()


def test_a_lost_master_key_is_a_refusal_that_says_everything(
    database: Database, file: Path
) -> None:
    """Which file and variables, what is lost, and how to go on; and no new key is made."""
    fill(database, start(database, file).vault)
    file.unlink()
    with pytest.raises(MasterKeyMissing) as refused:
        start(database, file)
    for part in (
        f"there is no {file}",
        "TOCSIN_MASTER_KEY nor TOCSIN_MASTER_KEY_FILE is set",
        "the URLs and auth codes of 2 webhooks cannot be opened",
        f"Put {file} back from a backup",
        "tocsin serve --forget-secrets",
    ):
        assert part in refused.value.message
    assert not file.exists()


def test_a_database_without_a_webhook_knows_its_key_too(database: Database, file: Path) -> None:
    """Else a second key would be made beside it, and the first one's owner never told."""
    start(database, file)
    file.unlink()
    with pytest.raises(MasterKeyMissing):
        start(database, file)


def test_a_wrong_master_key_is_a_refusal_that_names_both(database: Database, file: Path) -> None:
    """The one that is given, by its place and name, and the one that is needed."""
    vault = start(database, file).vault
    fill(database, vault)
    other = make_master_key(BYTES)
    with pytest.raises(MasterKeyWrong) as refused:
        start(database, file, given=given_key(other))
    for part in (
        "The master key in TOCSIN_MASTER_KEY does not open this database",
        f"it holds {key_name(other.reveal())}",
        f"is {ALL} under {vault.key_names[0]}",
        "the URLs and auth codes of 2 webhooks cannot be opened",
        "tocsin serve --forget-secrets",
    ):
        assert part in refused.value.message
    assert other.reveal() not in refused.value.message


def test_a_place_that_holds_no_key_is_named(database: Database, file: Path) -> None:
    """An empty mount, or a file that was cut short."""
    start(database, file)
    with pytest.raises(MasterKeyWrong, match=r"^/run/key: The master key must be"):
        start(database, file, given=MasterKey(Secret(""), "/run/key"))


def test_a_new_line_in_front_seals_everything_anew_at_the_start(
    database: Database, file: Path
) -> None:
    """Every place, in one transaction; then the old line opens nothing, and may go."""
    old, new = make_master_key(BYTES), make_master_key(BYTES)
    alice = fill(database, start(database, file, given=given_key(old)).vault)
    with database.read() as tx:
        before = list_webhooks(tx, alice.vault)
    assert seals(database) == {key_name(old.reveal()): ALL}

    both = start(database, file, given=given_key(new, old))
    assert both.sealed_anew == ALL
    assert seals(database) == {key_name(new.reveal()): ALL}
    assert start(database, file, given=given_key(new, old)).sealed_anew == 0

    alone = start(database, file, given=given_key(new)).vault
    with database.write() as tx:
        assert list_webhooks(tx, alone) == before
        repeatable = Repeatable(1, "key", b"request")
        answered = once(tx, repeatable, lambda: (0, ""), now=NOW, vault=alone)
    assert answered == (201, "a new key")
    with pytest.raises(MasterKeyWrong):
        start(database, file, given=given_key(old))


def test_an_old_line_that_is_still_needed_cannot_go(database: Database, file: Path) -> None:
    """Whoever takes it out before a start has sealed anew is told which one to put back."""
    old, new = make_master_key(BYTES), make_master_key(BYTES)
    fill(database, start(database, file, given=given_key(old)).vault)
    with pytest.raises(MasterKeyWrong, match=f"{ALL} under {key_name(old.reveal())}"):
        start(database, file, given=given_key(new))


class Killed(Exception):
    """In place of a signal, after the last statement and before the commit."""


def seal_and_die(database: Database, file: Path, key: MasterKey) -> None:
    with database.write() as tx:
        assert unlock(tx, file=file, given=key, random_bytes=BYTES).sealed_anew == ALL
        raise Killed


def test_a_start_that_is_killed_while_it_seals_loses_nothing(
    database: Database, file: Path
) -> None:
    """All of it is one transaction: whichever half a crash leaves is all the old, or all the new."""
    old, new = make_master_key(BYTES), make_master_key(BYTES)
    fill(database, start(database, file, given=given_key(old)).vault)

    with pytest.raises(Killed):
        seal_and_die(database, file, given_key(new, old))
    assert seals(database) == {key_name(old.reveal()): ALL}
    start(database, file, given=given_key(old))


def test_what_older_versions_sealed_is_sealed_anew_with_a_name(
    database: Database, file: Path
) -> None:
    """From then on the database says which key it needs; another one is refused before and after."""
    key = make_master_key(BYTES)
    fill(database, start(database, file, given=given_key(key)).vault)
    with database.write() as tx:
        webhooks = schema.metadata.tables["webhooks"]
        for row in tx.core.execute(sa.select(webhooks.c.id, webhooks.c.url)).all():
            tx.core.execute(
                webhooks.update().where(webhooks.c.id == row.id), {"url": row.url[MARK_BYTES:]}
            )
    with pytest.raises(MasterKeyWrong):
        start(database, file, given=given_key(make_master_key(BYTES)))
    assert start(database, file, given=given_key(key)).sealed_anew == 2
    assert seals(database) == {key_name(key.reveal()): ALL}


def test_every_column_that_holds_a_seal_is_found_by_its_type() -> None:
    """A new one is sealed anew like the others as soon as it is declared."""
    assert {f"{column.table.name}.{column.name}" for column in sealed_columns()} == {
        "webhooks.url",
        "webhooks.auth_code",
        "webhooks.pending_auth_code",
        "webhooks.client_key",
        "request_heads.url",
        "request_heads.head",
        "idempotency.response",
    }


# --- a key that is lost for good


def forget(database: Database, file: Path, *, given: MasterKey | None = None) -> Forgotten:
    with database.write() as tx:
        return forget_secrets(tx, file=file, given=given, random_bytes=BYTES, make_editor=editor)


def test_a_lost_key_costs_the_secrets_and_nothing_else(database: Database, file: Path) -> None:
    """Webhooks stay, in their policies, with URLs that lead nowhere and new auth codes."""
    alice = fill(database, start(database, file).vault)
    with database.read() as tx:
        before = {each.slug: each for each in list_webhooks(tx, alice.vault)}
    file.unlink()
    forgotten = forget(database, file)
    assert forgotten.webhooks == ("bridge", "pager")
    with database.read() as tx:
        after = {each.slug: each for each in list_webhooks(tx, forgotten.vault)}
    assert {slug: each.id for slug, each in after.items()} == {
        slug: each.id for slug, each in before.items()
    }
    for slug, webhook in after.items():
        assert webhook.url == f"https://forgotten.invalid/{slug}"
        assert webhook.auth_code != before[slug].auth_code
        assert (webhook.pending, webhook.client_certificate) == (None, None)
    assert seals(database) == {forgotten.vault.key_names[0]: 5}
    assert start(database, file).sealed_anew == 0
    changes = [(each.actor, each.action, each.object, each.secrets) for each in alice.changes()]
    assert changes[:2] == [
        ("server", "webhook.secrets_forgotten", "pager", ("url", "auth_code")),
        ("server", "webhook.secrets_forgotten", "bridge", ("url", "auth_code")),
    ]


def test_what_can_be_opened_is_not_forgotten(database: Database, file: Path) -> None:
    """Only the webhook that an old, lost line sealed."""
    old, new = make_master_key(BYTES), make_master_key(BYTES)
    alice = fill(database, start(database, file, given=given_key(new)).vault)
    with database.write() as tx:
        sealed = Vault(old).seal(Secret("https://lost.example"))
        webhooks = schema.metadata.tables["webhooks"]
        tx.core.execute(webhooks.update().where(webhooks.c.slug == "pager").values(url=sealed))
    forgotten = forget(database, file, given=given_key(new))
    assert forgotten.webhooks == ("pager",)
    with database.read() as tx:
        urls = {each.slug: each.url for each in list_webhooks(tx, alice.vault)}
    assert urls == {
        "pager": "https://forgotten.invalid/pager",
        "bridge": "https://bridge.example/",
    }


def test_forgetting_is_refused_while_everything_can_be_opened(
    database: Database, file: Path
) -> None:
    """So a service that is started so for ever cannot lose its secrets to one misplaced file."""
    alice = fill(database, start(database, file).vault)
    with pytest.raises(NothingToForget, match="start without --forget-secrets"):
        forget(database, file)
    with database.read() as tx:
        assert list_webhooks(tx, alice.vault)[1].url == "https://pager.example/a"


def test_a_proof_alone_can_be_forgotten(database: Database, file: Path) -> None:
    """Of a database that never had a webhook."""
    start(database, file)
    with database.write() as tx:
        put_setting(tx, VAULT_PROOF, Vault(make_master_key(BYTES)).seal(Secret("other")))
    assert forget(database, file).webhooks == ()
    assert start(database, file).sealed_anew == 0


def test_forgetting_takes_a_key_that_is_there(database: Database, file: Path) -> None:
    """A start that was killed after it made the new key goes on with that one."""
    fill(database, start(database, file).vault)
    new = make_master_key(BYTES)
    replace_master_key(file, new)
    assert forget(database, file).vault.key_names == (key_name(new.reveal()),)
    found = read_master_key(file)
    assert found
    assert found.lines.reveal().strip() == new.reveal()

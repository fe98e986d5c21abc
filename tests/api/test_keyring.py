"""Which alert keys are in force, when looks into the database and changes of it overtake each other."""

import asyncio
from typing import Self

import pytest
from tests.by_hand import ByHand
from tests.configuration.editing import Alice
from tests.manual_clock import ManualClock

from tocsin.actions import alert_keys
from tocsin.secret import Secret
from tocsin.service.keyring import Keyring
from tocsin.store.configuration import ConfigurationCache
from tocsin.store.database import Database

pytestmark = pytest.mark.anyio

KEY = "key-of-nagios-for-tests"


class Look:
    """One look into the database, a step at a time; it has begun."""

    def __init__(self, task: "asyncio.Task[None]", hand: ByHand) -> None:
        self._task = task
        self._future, self._work = hand.given.pop()

    @classmethod
    async def begin(cls, keyring: Keyring, hand: ByHand) -> Self:
        task = asyncio.ensure_future(keyring.refresh())
        await asyncio.sleep(0)
        return cls(task, hand)

    def read(self) -> Self:
        """Let it see what is there now, and not tell yet."""
        self._seen = self._work()
        return self

    async def tell(self) -> None:
        self._future.set_result(self._seen)
        await self._task


class Desk:
    """A keyring, and Alice who changes keys behind it, as the writer does."""

    def __init__(self, database: Database) -> None:
        self.hand = ByHand()
        asyncio.get_running_loop().set_default_executor(self.hand)
        self.alice = Alice(database)
        self.keyring = Keyring(database, ConfigurationCache(self.alice.vault), ManualClock())

    def make(self, name: str = "nagios") -> None:
        with self.alice.database.write() as tx:
            alert_keys.create_alert_key(tx, name=name, key=KEY, editor=self.alice.editor)
        self.keyring.learn(tx.news.alert_keys)

    def revoke(self, name: str = "nagios") -> None:
        with self.alice.database.write() as tx:
            alert_keys.revoke_alert_key(tx, name, editor=self.alice.editor)
        self.keyring.learn(tx.news.alert_keys)

    async def look(self) -> None:
        await (await self.begin()).read().tell()

    async def begin(self) -> Look:
        return await Look.begin(self.keyring, self.hand)

    @property
    def lets_in(self) -> str | None:
        found = self.keyring.find(Secret(KEY))
        return None if found is None else found.name


@pytest.fixture
async def desk(database: Database) -> Desk:
    made = Desk(database)
    made.make()
    await made.look()
    assert made.lets_in == "nagios"
    return made


async def test_a_revocation_holds_from_its_commit_on(desk: Desk) -> None:
    """Before anybody has looked into the database again."""
    desk.revoke()
    assert desk.lets_in is None
    assert desk.keyring.find_revoked(Secret(KEY)) == "nagios"
    await desk.look()
    assert desk.lets_in is None
    assert desk.keyring.find_revoked(Secret(KEY)) == "nagios"


async def test_a_look_that_began_before_a_revocation_does_not_undo_it(desk: Desk) -> None:
    """Whether it tells before or after the look that the revocation asked for."""
    early = (await desk.begin()).read()
    desk.revoke()
    await early.tell()
    assert desk.lets_in is None

    desk.make()
    await desk.look()
    early = (await desk.begin()).read()
    desk.revoke()
    await desk.look()
    await early.tell()
    assert desk.lets_in is None


async def test_a_look_that_began_before_a_making_does_not_undo_it(desk: Desk) -> None:
    """Its maker was answered when a later look had told."""
    desk.revoke()
    await desk.look()
    early = (await desk.begin()).read()
    desk.make("again")
    await desk.look()
    await early.tell()
    assert desk.lets_in == "again"


async def test_a_key_may_be_revoked_and_brought_back(desk: Desk) -> None:
    """As often as one likes; a look during which all of that happened undoes nothing of it."""
    desk.revoke()
    desk.make("again")
    await desk.look()
    assert desk.lets_in == "again"

    desk.revoke("again")
    late = await desk.begin()
    desk.make("third")
    late.read()
    desk.revoke("third")
    await late.tell()
    assert desk.lets_in is None


async def test_a_key_that_passes_to_another_name_goes_on(desk: Desk) -> None:
    """One commit revokes and makes it: no alert in between is turned away."""
    with desk.alice.database.write() as tx:
        alert_keys.revoke_alert_key(tx, "nagios", editor=desk.alice.editor)
        alert_keys.create_alert_key(tx, name="icinga", key=KEY, editor=desk.alice.editor)
    desk.keyring.learn(tx.news.alert_keys)
    assert desk.lets_in == "nagios"
    await desk.look()
    assert desk.lets_in == "icinga"


async def test_what_is_rolled_back_is_not_learned(desk: Desk) -> None:
    """A part of a transaction that fails revokes nothing."""
    with desk.alice.database.write() as tx:
        mark = tx.mark()
        alert_keys.revoke_alert_key(tx, "nagios", editor=desk.alice.editor)
        tx.undo(mark)
    assert tx.news.alert_keys == []

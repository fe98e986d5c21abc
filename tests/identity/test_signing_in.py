"""Signing in with a real password, as a page does it: on the loop, with the writer, by argon2."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from tests.api.harness import Harness

from tocsin.actions.invitations import invite
from tocsin.actions.sessions import NewSession, SignInRefused, find_credentials
from tocsin.actions.users import add_user, disable_user
from tocsin.domain.invitation import InvitationOver
from tocsin.domain.principal import Principal, Scope
from tocsin.domain.session import Client
from tocsin.domain.sign_in_limit import TooManySignIns
from tocsin.domain.user import InvalidPassword, User, UserRole
from tocsin.secret import Secret
from tocsin.service import passwords as service
from tocsin.service.editing import edit
from tocsin.service.passwords import SALT_BYTES, Passwords
from tocsin.service.sign_ins import accept_invitation, change_password, device_of, sign_in
from tocsin.service.transactions import Transactions
from tocsin.store.database import Database

BROWSER = Client("192.0.2.7", "Firefox on Linux")
ROOT = Principal(1, "root", Scope.ADMINISTER)
PASSWORD = Secret("correct horse battery")
CAROL = User(1, "carol", UserRole.VIEWER, datetime(2026, 11, 20, tzinfo=UTC))


@pytest.fixture
def harness(database: Database) -> Iterator[Harness]:
    harness = Harness(database)
    harness.writer.start()
    yield harness
    harness.writer.stop()


@asynccontextmanager
async def working(harness: Harness) -> AsyncIterator[Transactions]:
    work = Transactions(harness.services)
    yield work
    work.close()


async def join(work: Transactions, name: str = "bob") -> NewSession:
    """Be invited, and choose the password."""
    await edit(
        work, ROOT, lambda tx, editor: add_user(tx, name=name, role=UserRole.VIEWER, editor=editor)
    )
    made, _ = await edit(work, ROOT, lambda tx, editor: invite(tx, name, editor=editor))
    return await accept_invitation(
        work, made.token, name="", password=PASSWORD, time_zone="UTC", client=BROWSER
    )


async def kept_hash(work: Transactions) -> str:
    found = await work.read(lambda tx: find_credentials(tx, "bob"))
    assert found
    return found.password_hash


def test_the_password_that_was_chosen_lets_in(harness: Harness) -> None:
    """Also as another keyboard writes it; and each sign-in is another session."""

    async def go() -> None:
        async with working(harness) as work:
            first = await join(work)
            again = await sign_in(work, "bob", PASSWORD, client=BROWSER)
            assert again.user == first.user
            assert again.token != first.token
            assert (await kept_hash(work)).startswith("$argon2id$v=19$m=19456,t=3,p=1$")

    asyncio.run(go())


def test_whatever_is_wrong_the_answer_is_the_same(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """No user, another password, disabled, invited only. The log says who was tried, if it is somebody."""

    async def refused(work: Transactions, name: str, password: str) -> str:
        with pytest.raises(SignInRefused) as refusal:
            await sign_in(work, name, Secret(password), client=BROWSER)
        assert refusal.value.fields == {}
        return refusal.value.message

    async def go() -> None:
        async with working(harness) as work:
            await join(work)
            messages = {
                await refused(work, name, password)
                for name, password in (
                    ("bob", "correct horse batterz"),
                    ("nobody", PASSWORD.reveal()),
                    (PASSWORD.reveal(), "bob"),
                    ("bob", ""),
                    ("bob\x00", "\udc80"),
                )
            }
            assert len(messages) == 1
            await edit(work, ROOT, lambda tx, editor: disable_user(tx, "bob", editor=editor))
            assert {await refused(work, "bob", PASSWORD.reveal())} == messages

    with caplog.at_level(logging.WARNING):
        asyncio.run(go())
    told = [record for record in caplog.records if record.msg == "sign_in.refused"]
    assert [vars(record)["user"] for record in told] == ["bob", None, None, "bob", None, None]
    assert {vars(record)["client"] for record in told} == {"192.0.2.7"}
    assert not any(PASSWORD.reveal() in repr(vars(record)) for record in told)


def test_a_name_that_nobody_has_costs_a_verification_too(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that nobody learns from the time who is there."""
    from argon2 import PasswordHasher

    verified: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, hash_: str, password: bytes) -> bool:
        verified.append(hash_)
        return verify(self, hash_, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)

    async def go() -> None:
        async with working(harness) as work:
            for name in ("nobody", "bob"):
                with pytest.raises(SignInRefused):
                    await sign_in(work, name, PASSWORD, client=BROWSER)

    asyncio.run(go())
    assert len(verified) == 2
    assert all(hash_.startswith("$argon2id$v=19$m=19456,t=3,p=1$") for hash_ in verified)


def test_whoever_tries_too_often_waits(harness: Harness) -> None:
    """Even with the right password; somebody else does not wait."""

    async def go() -> None:
        async with working(harness) as work:
            await join(work)
            for number in range(10):
                with pytest.raises(SignInRefused):
                    await sign_in(work, "bob", Secret(f"wrong {number}"), client=BROWSER)
            with pytest.raises(TooManySignIns):
                await sign_in(work, "bob", PASSWORD, client=BROWSER)
            with pytest.raises(SignInRefused):
                await sign_in(work, "carol", PASSWORD, client=BROWSER)
            harness.clock.advance(timedelta(seconds=30))
            await sign_in(work, "bob", PASSWORD, client=BROWSER)

    asyncio.run(go())


def test_a_stranger_keeps_nobody_from_signing_in(harness: Harness) -> None:
    """Who has signed in before does so again, and whoever is signed in changes the password, however often others try."""
    new = Secret("staple battery horse")

    async def go() -> None:
        async with working(harness) as work:
            bob = (await join(work)).user
            device = device_of(work, bob).reveal()
            limits = harness.services.sign_in_limits
            for number in range(200):
                with suppress(TooManySignIns):
                    while True:
                        address = f"198.51.100.{number}"
                        limits.take("bob", address, now=harness.clock.monotonic())
            with pytest.raises(TooManySignIns):
                await sign_in(work, "bob", PASSWORD, client=BROWSER)
            with pytest.raises(TooManySignIns):  # it is bob's, and nobody else's
                await sign_in(
                    work, "bob", PASSWORD, client=BROWSER, device=device_of(work, CAROL).reveal()
                )
            await sign_in(work, "bob", PASSWORD, client=BROWSER, device=device)
            await change_password(work, bob, PASSWORD, new, client=BROWSER)
            for _ in range(10):
                with pytest.raises(SignInRefused):
                    await sign_in(work, "bob", PASSWORD, client=BROWSER, device=device)
            with pytest.raises(TooManySignIns):
                await sign_in(work, "bob", new, client=BROWSER, device=device)

    asyncio.run(go())


def test_a_user_changes_the_password_by_the_old_one(harness: Harness) -> None:
    """Then only the new one lets in."""
    new = Secret("staple battery horse")

    async def go() -> None:
        async with working(harness) as work:
            bob = (await join(work)).user
            with pytest.raises(SignInRefused):
                await change_password(work, bob, new, new, client=BROWSER)
            with pytest.raises(InvalidPassword):
                await change_password(work, bob, PASSWORD, Secret("short"), client=BROWSER)
            await change_password(work, bob, PASSWORD, new, client=BROWSER)
            with pytest.raises(SignInRefused):
                await sign_in(work, "bob", PASSWORD, client=BROWSER)
            await sign_in(work, "bob", new, client=BROWSER)

    asyncio.run(go())


def test_a_password_that_may_not_be_uses_no_link_up(harness: Harness) -> None:
    """Nor does a link that nobody made take a password's time."""

    async def go() -> None:
        async with working(harness) as work:
            await edit(
                work,
                ROOT,
                lambda tx, editor: add_user(tx, name="bob", role=UserRole.VIEWER, editor=editor),
            )
            made, _ = await edit(work, ROOT, lambda tx, editor: invite(tx, "bob", editor=editor))
            facts = {"name": "", "time_zone": "UTC", "client": BROWSER}
            with pytest.raises(InvalidPassword):
                await accept_invitation(work, made.token, password=Secret("bobbobbobbob"), **facts)  # type: ignore[arg-type]
            await accept_invitation(work, made.token, password=PASSWORD, **facts)  # type: ignore[arg-type]
            with pytest.raises(InvitationOver):
                await accept_invitation(work, made.token, password=PASSWORD, **facts)  # type: ignore[arg-type]

    asyncio.run(go())


def test_a_hash_of_weaker_parameters_is_made_anew_at_a_sign_in(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machines become faster, and passwords stay."""

    async def go() -> None:
        async with working(harness) as work:
            with monkeypatch.context() as patch:
                patch.setattr(service, "ROUNDS", 1)
                await join(work)
            assert ",t=1," in await kept_hash(work)
            await sign_in(work, "bob", PASSWORD, client=BROWSER)
            assert ",t=3," in await kept_hash(work)
            await sign_in(work, "bob", PASSWORD, client=BROWSER)

    asyncio.run(go())


def test_only_so_many_wait_to_be_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes then is asked to come again, but for some who are known; one is verified at a time."""
    monkeypatch.setattr(service, "MOST_WAITING", 2)
    monkeypatch.setattr(service, "MORE_WAITING", 2)

    async def go() -> None:
        passwords = Passwords()
        tries = [passwords.verify(None, Secret("x")) for _ in range(3)]
        known = [passwords.verify(None, Secret("x"), is_known=True)]
        hashed = [passwords.hash(Secret("x"), salt=bytes(SALT_BYTES)) for _ in range(2)]
        done = await asyncio.gather(*tries, *known, *hashed, return_exceptions=True)
        held_up = [isinstance(each, TooManySignIns) for each in done]
        assert held_up == [False, False, True, False, False, True]
        assert not (await passwords.verify("no hash", Secret("x"))).is_right

    asyncio.run(go())

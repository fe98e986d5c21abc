"""Following a one-time link, on both stores."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from tests.actions.desk import LINKS, Desk

from tocsin.actions.incidents import reopen
from tocsin.actions.links import LinkView, look_at_link, use_link
from tocsin.domain.incident import Status
from tocsin.domain.one_time_link import LinkAction, LinkClaim, LinkState, read_token
from tocsin.store import schema
from tocsin.store.deliveries import Lease
from tocsin_receiver import decode_form

BOTH = {"links": ["acknowledge", "resolve"]}


@pytest.fixture
def ops(desk: Desk) -> Desk:
    """Two webhooks whose pages have links."""
    desk.configure({"main": [("0s", ["a", "b"])]}, keys={"db": ["main"]}, options=BOTH)
    return desk


def claims_of(lease: Lease) -> dict[str, LinkClaim]:
    """What the links of a page say, by field."""
    claims = {}
    for name, value in decode_form(lease.form).items():
        if name.endswith("_url"):
            claim = read_token(
                value.strip('"').removeprefix("https://tocsin.example/l/"), LINKS.keys
            )
            assert claim is not None
            claims[name] = claim
    return claims


def looked(desk: Desk, claim: LinkClaim, *, now: datetime | None = None) -> LinkView:
    return desk.read(look_at_link, claim, now=now or desk.now)


def test_each_delivery_has_links_of_its_own(ops: Desk) -> None:
    """What waits for a slot, too; the body is kept as it is sent."""
    ops.opened()
    (first,) = ops.fire(room=1).leases
    (second,) = ops.lease()
    for lease in (first, second):
        claims = claims_of(lease)
        assert {claim.delivery_id for claim in claims.values()} == {lease.delivery_id}
        assert claims["resolve_url"].action is LinkAction.RESOLVE
        assert claims["ack_url"].expires_at == ops.now + timedelta(hours=24)
    assert [bytes(row["form"]) for row in ops.rows(schema.bodies)] == [first.form, second.form]


def test_bodies_without_links_are_shared(desk: Desk) -> None:
    """By all deliveries of a step but those that have some."""
    desk.configure({"main": [("0s", ["a", "b"])]}, keys={"db": ["main"]})
    desk.opened()
    assert len(desk.fire().leases) == 2
    assert len(desk.rows(schema.bodies)) == 1


def test_a_link_acts_once(ops: Desk) -> None:
    """Then it was used; the other's escalation was stopped by it."""
    ops.opened()
    first, second = (claims_of(lease)["ack_url"] for lease in ops.fire().leases)
    assert looked(ops, first).state is LinkState.OPEN
    assert ops.do(use_link, first).state is LinkState.DONE
    assert ops.incident(1).acknowledged_by == "link:a"
    assert ops.do(use_link, first).state is looked(ops, first).state is LinkState.USED
    stale = ops.do(use_link, second)
    assert (stale.state, stale.ended_by, stale.ended_at) == (LinkState.STALE, "link:a", ops.now)
    ops.change(reopen, 1, actor="token:alice")
    assert looked(ops, second).state is LinkState.STALE
    assert ops.incident(1).status is Status.TRIGGERED


def test_a_link_expires(ops: Desk) -> None:
    """At the instant, for looking and for using."""
    ops.opened()
    claim = claims_of(ops.fire().leases[0])["ack_url"]
    just_before = ops.now + timedelta(hours=24, microseconds=-1)
    assert looked(ops, claim, now=just_before).state is LinkState.OPEN
    ops.wait(hours=24)
    assert looked(ops, claim).state is ops.do(use_link, claim).state is LinkState.EXPIRED
    assert ops.incident(1).status is Status.TRIGGERED


def test_a_link_to_nothing_is_unknown(ops: Desk) -> None:
    """Its delivery is not there any more."""
    claim = LinkClaim(7, LinkAction.RESOLVE, ops.now + timedelta(hours=1))
    assert looked(ops, claim) == ops.do(use_link, claim)
    assert looked(ops, claim).state is LinkState.UNKNOWN


def test_of_two_at_once_one_acts(ops: Desk) -> None:
    """The second waits for the incident, and finds the link used."""
    ops.opened()
    claim = claims_of(ops.fire().leases[0])["ack_url"]
    with ThreadPoolExecutor(1) as threads:
        with ops.database.write() as tx:
            first = use_link(tx, ops.context(tx), claim)
            second = threads.submit(ops.do, use_link, claim)
        assert (first.state, second.result(20).state) == (LinkState.DONE, LinkState.USED)
    assert len(ops.rows(schema.used_links)) == 1

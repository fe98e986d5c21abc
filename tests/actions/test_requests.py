"""The request of an attempt is shown as it was sent then, and where that is not known, it is said."""

from datetime import timedelta
from typing import Any

import pytest
from tests.actions.desk import Desk

from tocsin.actions.deliver import record_attempts, take_over
from tocsin.actions.incident_set import Context
from tocsin.actions.request_heads import renew_request_heads
from tocsin.actions.show_deliveries import AttemptNotFound, show_delivery, show_request_of
from tocsin.actions.show_request import ShownRequest
from tocsin.actions.webhooks import update_webhook
from tocsin.domain.outcome import Outcome
from tocsin.domain.request_source import RequestSource
from tocsin.domain.webhook import Webhook
from tocsin.domain.webhook_options import options_of
from tocsin.ids import DELIVERY, id_text
from tocsin.store import schema, schema_configuration
from tocsin.store.database import Tx
from tocsin.store.deliveries import Lease
from tocsin.stored_json import to_json

TOOK = 2_400_000
"""Microseconds from the beginning of an attempt to its end."""


@pytest.fixture
def ops(desk: Desk) -> Desk:
    desk.configure({"main": [("0s", ["a"])]}, keys={"db": ["main"]})
    return desk


def webhook(desk: Desk) -> Webhook:
    with desk.database.read() as tx:
        (found,) = desk.context(tx).configuration.webhooks.values()
    return found


def fired(desk: Desk) -> Lease:
    desk.opened()
    (lease,) = desk.fire().leases
    return lease


def end(desk: Desk, lease: Lease, outcome: Outcome = Outcome.REJECTED, **more: Any) -> None:
    """Let an attempt end as the courier would tell of it."""
    facts = {"head_id": webhook(desk).head_id, "detail": to_json({"us": [0, 0, 0, 0, TOOK]})}
    result = desk.result(lease, outcome)._replace(**facts | more)
    with desk.database.write() as tx:
        record_attempts(tx, [result], desk.context)


def again(desk: Desk) -> Lease:
    desk.wait(seconds=2)
    (lease,) = desk.lease()
    return lease


def request(desk: Desk, lease: Lease, number: int = 1) -> ShownRequest:
    return desk.ask(show_request_of, lease.delivery_id, number, vault=desk.alice.vault)


def latest(desk: Desk, lease: Lease) -> ShownRequest:
    return desk.ask(show_delivery, lease.delivery_id, vault=desk.alice.vault, with_url=True).request


def move(desk: Desk, **change: Any) -> None:
    desk.alice.does(update_webhook, "a", **change)


def test_each_attempt_shows_what_it_sent(ops: Desk) -> None:
    """Whatever became of the URL and the options since; the second of signing is that of its beginning."""
    lease = fired(ops)
    end(ops, lease)
    first_ended = ops.now
    second = again(ops)
    changed = options_of(webhook(ops))
    move(
        ops,
        url="http://other.example:81/b?c",
        options=type(changed)(with_standard_signature=False),
    )
    end(ops, second)
    move(ops, url="https://third.example/")

    one, two = request(ops, lease, 1), request(ops, lease, 2)
    assert (one.source, two.source) == (RequestSource.SENT, RequestSource.SENT)
    assert (one.url, two.url) == ("https://a.example/hook", "http://other.example:81/b?c")
    began = int((first_ended - timedelta(microseconds=TOOK)).timestamp())
    body = lease.form.decode()
    assert one.text == (
        "POST /hook HTTP/1.1\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        "X-VictorOps-Signature: ***\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: keep-alive\r\n"
        "Host: a.example\r\n"
        "Accept: */*\r\n"
        "User-Agent: AHC/1.0\r\n"
        f"webhook-id: {id_text(DELIVERY, lease.delivery_id)}\r\n"
        f"webhook-timestamp: {began}\r\n"
        "webhook-signature: ***\r\n"
        f"\r\n{body}"
    )
    assert two.text.startswith("POST /b?c HTTP/1.1\r\n")
    assert "\r\nHost: other.example:81\r\n" in two.text
    assert "webhook-" not in two.text
    assert latest(ops, lease) == two


def test_what_was_never_sent_is_not_called_sent(ops: Desk) -> None:
    """Nobody could be connected to, or the webhook was disabled meanwhile."""
    lease = fired(ops)
    end(ops, lease, Outcome.CONNECTION_REFUSED, first_byte_at=None)
    end(ops, again(ops), Outcome.WITHDRAWN, first_byte_at=None, head_id=None)
    assert request(ops, lease, 1).source is RequestSource.NOT_SENT
    assert request(ops, lease, 2).source is RequestSource.NOT_MADE
    assert request(ops, lease, 1).request_line == "POST /hook HTTP/1.1"


def test_what_is_not_on_record_is_not_made_up(ops: Desk) -> None:
    """Under way, or cut short by a crash: as it would be sent now, and without the second of signing."""
    lease = fired(ops)
    under_way = request(ops, lease)
    assert under_way.source is RequestSource.NOT_KNOWN
    with ops.database.write() as tx:
        take_over(tx, ops.now, run_id=ops.run_id + 1, limit=10)
    move(ops, url="https://a.example/new")
    unknown = request(ops, lease)
    assert unknown.source is RequestSource.NOT_KNOWN
    assert unknown.request_line == "POST /new HTTP/1.1"
    assert dict(unknown.headers)["webhook-timestamp"] is None
    assert "webhook-timestamp: ***\r\n" in unknown.text


def test_before_the_first_attempt_it_is_that_of_the_next(ops: Desk) -> None:
    """Not made yet; and there is no attempt to ask for."""
    ops.opened()
    ops.fire(room=0)
    (row,) = ops.rows(schema.deliveries)
    shown = ops.ask(show_delivery, row["id"], vault=ops.alice.vault, with_url=True).request
    assert shown.source is RequestSource.NOT_MADE
    assert shown.request_line == "POST /hook HTTP/1.1"
    for number in (1, 2):
        with pytest.raises(AttemptNotFound, match="none was made yet"):
            ops.ask(show_request_of, row["id"], number, vault=ops.alice.vault)
    (lease,) = ops.lease()
    end(ops, lease)
    with pytest.raises(AttemptNotFound, match="only the first was made"):
        request(ops, lease, 2)


def test_a_deleted_webhook_is_forgotten(ops: Desk) -> None:
    """Its URL may be a secret: nothing that opens it is left; the body is."""
    lease = fired(ops)
    end(ops, lease, Outcome.DELIVERED)
    ops.configure({}, prune=True)
    forgotten = request(ops, lease)
    assert forgotten.source is RequestSource.FORGOTTEN
    assert (forgotten.url, forgotten.request_line, forgotten.headers) == (None, None, ())
    assert forgotten.text == forgotten.body == lease.form.decode()
    (head,) = ops.rows(schema_configuration.request_heads)
    assert (head["url"], head["head"]) == (b"", b"")


def test_what_is_kept_is_sealed_and_kept_once(ops: Desk) -> None:
    """A row for each head that a webhook has had, and none for what does not stand in it."""
    (head,) = ops.rows(schema_configuration.request_heads)
    assert (head["id"], head["webhook_id"]) == (webhook(ops).head_id, webhook(ops).id)
    assert b"a.example" not in head["url"] + head["head"]
    move(ops, name="Another name", enabled=False)
    assert ops.rows(schema_configuration.request_heads) == [head]
    move(ops, url="http://a.example/hook")  # the head is the same, and where it goes is not
    move(ops, url="https://a.example/hook")
    heads = ops.rows(schema_configuration.request_heads)
    assert [each["id"] for each in heads][-1] == webhook(ops).head_id
    assert len(heads) == 3


def test_a_start_keeps_what_this_version_sends(ops: Desk) -> None:
    """After an upgrade from one that kept nothing, or that wrote another head; otherwise it does nothing."""
    (head,) = ops.rows(schema_configuration.request_heads)

    def renew(tx: Tx, _context: Context) -> None:
        renew_request_heads(tx, editor=ops.alice.editor)

    ops.do(renew)
    assert ops.rows(schema_configuration.request_heads) == [head]
    sealed = schema_configuration.request_heads
    with ops.database.write() as tx:
        tx.core.execute(sealed.update().values(head=head["url"]))  # as if it had been another one
    ops.do(renew)
    _, renewed = ops.rows(sealed)
    assert renewed["id"] == ops.rows(schema_configuration.webhooks)[0]["head_id"] != head["id"]
    with ops.database.write() as tx:
        tx.core.execute(sealed.delete())
        tx.core.execute(schema_configuration.webhooks.update().values(head_id=None))
    ops.do(renew)
    (only,) = ops.rows(sealed)
    assert only["id"] == ops.rows(schema_configuration.webhooks)[0]["head_id"]

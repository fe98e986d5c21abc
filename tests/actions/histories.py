"""A random history of a desk: alerts, people, receivers, edits, restarts, and days on which nothing happens."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from tests.actions.desk import Desk
from tests.actions.keeping import edit_now

from tocsin.actions.deliver import record_attempts
from tocsin.actions.incident_set import Context
from tocsin.actions.incidents import acknowledge, hold, reopen, reroute, resolve
from tocsin.actions.send_again import send_again
from tocsin.actions.send_test import send_test
from tocsin.domain.incident import Status
from tocsin.domain.outcome import Outcome
from tocsin.store import schema
from tocsin.store.database import Tx
from tocsin.store.deliveries import Lease
from tocsin.store.runs import begin_run, end_other_runs
from tocsin.store.used_links import note_use

OPTIONS = {"follow_up": ["acknowledged", "resolved"], "links": ["acknowledge"]}
CONFIGURATIONS: list[dict[str, Any]] = [
    {
        "policies": {"main": [("0s", ["a"]), ("10m", ["a", "b"])], "other": [("1m", ["c"])]},
        "keys": {"db": ["main"], "both": ["main", "other"]},
    },
    {"policies": {"main": [("0s", ["a", "d"])]}, "keys": {"db": ["main"], "both": ["main"]}},
    {"policies": {"main": [("5m", ["b"])]}, "keys": {"db": ["main"], "both": ["main"]}},
]
HOUR = timedelta(hours=1)
DAY = 1440  # minutes
INDEX = st.integers(0, 30)
STEPS = st.one_of(
    st.tuples(
        st.just("alert"),
        st.sampled_from(["CRITICAL", "CRITICAL", "INFO", "ACKNOWLEDGEMENT", "RECOVERY"]),
        st.sampled_from(["disk", "cpu"]),
        st.sampled_from(["db", "both"]),
    ),
    st.tuples(
        st.just("act"),
        INDEX,
        st.sampled_from([acknowledge, hold, reopen, reroute, resolve, resolve, resolve]),
    ),
    st.tuples(st.just("work")),
    st.tuples(
        st.just("end"),
        INDEX,
        st.sampled_from([Outcome.DELIVERED, Outcome.DELIVERED, Outcome.REJECTED, Outcome.GONE]),
    ),
    st.tuples(st.just("wait"), st.sampled_from([1, 10, DAY, 6 * DAY, 12 * DAY])),
    st.tuples(st.just("test")),
    st.tuples(st.just("again"), INDEX),
    st.tuples(st.just("link"), INDEX),
    st.tuples(st.just("edit"), st.integers(0, len(CONFIGURATIONS) - 1)),
    st.tuples(st.just("restart")),
)
MANY = st.lists(STEPS, max_size=4)
# Random steps alone seldom make an incident that is over: here is the life of one, with such steps in it.
LIVES = st.builds(
    lambda key, first, second, pause: [
        ("alert", "CRITICAL", "disk", key),
        ("end", 0, Outcome.DELIVERED),
        *first,
        ("wait", 10),
        *second,
        ("alert", "RECOVERY", "disk", key),
        ("wait", pause),
    ],
    st.sampled_from(["db", "both"]),
    MANY,
    MANY,
    st.sampled_from([1, DAY, 6 * DAY, 12 * DAY]),
)
HISTORIES = st.lists(st.one_of(LIVES, LIVES, MANY), min_size=2, max_size=5).map(
    lambda parts: [step for part in parts for step in part]
)


@dataclass
class History:
    """Does the steps of a history, each in transactions of its own."""

    desk: Desk
    leases: list[Lease] = field(default_factory=list)

    def begin(self) -> None:
        self._edit(0)
        self._restart()

    def go_through(self, steps: list[tuple[Any, ...]]) -> None:
        for name, *facts in steps:
            getattr(self, f"_{name}")(*facts)

    def come_to_rest(self) -> None:
        """End all attempts, and resolve every other incident."""
        while self.leases:
            self._end(0, Outcome.DELIVERED)
            self._work()
        for row in self.desk.rows(schema.incidents):
            if row["number"] % 2 and row["status"] != Status.RESOLVED:
                self.desk.change(resolve, row["number"], actor="token:alice")

    def _alert(self, message_type: str, entity: str, key: str) -> None:
        self.desk.alert(message_type, entity, key=key)
        self._work()

    def _act(self, index: int, action: Any) -> None:
        if found := self.desk.rows(schema.incidents):
            incident = found[index % len(found)]
            facts: dict[Any, Any] = {hold: {"until": HOUR}, reroute: {"policies": ["ops/main"]}}
            if incident["status"] != Status.RESOLVED:
                self.desk.change(
                    action, incident["number"], actor="token:alice", **facts.get(action, {})
                )

    def _work(self) -> None:
        self.leases += self.desk.fire().leases
        self.leases += self.desk.lease()

    def _end(self, index: int, outcome: Outcome) -> None:
        if self.leases:
            lease = self.leases.pop(index % len(self.leases))
            with self.desk.database.write() as tx:
                context = self.desk.context(tx)
                webhook = context.configuration.webhooks.get(lease.webhook_id)
                result = self.desk.result(lease, outcome, status=200)
                head = webhook.head_id if webhook else None
                record_attempts(tx, [result._replace(head_id=head)], self.desk.context)

    def _wait(self, minutes: int) -> None:
        self.desk.wait(minutes=minutes)
        self.desk.end_holds()
        self._work()

    def _test(self) -> None:
        def test(tx: Tx, context: Context) -> None:
            webhook = min(context.configuration.webhooks.values(), key=lambda each: each.slug)
            send_test(tx, context, webhook, actor="token:alice", organisation="example-org")

        self.desk.do(test)
        self._work()

    def _again(self, index: int) -> None:
        if found := self.desk.rows(schema.deliveries):
            ids = [found[index % len(found)]["id"]]
            self.desk.do(send_again, ids, actor="token:alice")
            self._work()

    def _link(self, index: int) -> None:
        used = {row["delivery_id"] for row in self.desk.rows(schema.used_links)}
        found = [row["id"] for row in self.desk.rows(schema.deliveries) if row["incident"]]
        if found and (id_ := found[index % len(found)]) not in used:
            with self.desk.database.write() as tx:
                note_use(tx, id_, "acknowledge", at=self.desk.now)

    def _edit(self, which: int) -> None:
        edit_now(self.desk)
        self.desk.configure(**CONFIGURATIONS[which], options=OPTIONS, prune=True)

    def _restart(self) -> None:
        def restart(tx: Tx, context: Context) -> int:
            (id_,) = context.ids.take(1, self.desk.now)
            begin_run(tx, id_=id_, node="node", version="1", now=self.desk.now)
            end_other_runs(tx, id_=id_, now=self.desk.now)
            return id_

        run_id = self.desk.do(restart)
        for lease in self.leases:
            self.desk.record(lease, Outcome.UNKNOWN)
        self.leases.clear()
        self.desk.run_id = run_id

"""What a run says: a line now and then while it goes on, and its findings at the end."""

import json
from collections.abc import Iterator, Mapping

from tocsin.chaos.findings import Findings, Percentiles
from tocsin.chaos.ordeal import Standing
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import Shell
from tocsin.domain.wording import counted, listed

Row = tuple[str, str | Cell, str]


def progress(standing: Standing) -> str:
    """Return where it stands, in a line."""
    ledger = standing.ledger
    more = f"; down: {listed(standing.down)}" if standing.down else ""
    if standing.unfinished is not None:
        more += f"; waiting for {counted(standing.unfinished, 'step or delivery', 'steps and deliveries')}"
    return (
        f"{standing.kills} of {standing.of} kills, {len(ledger.accepted)} alerts accepted, "
        f"{len(ledger.acknowledged)} acknowledged, {ledger.requests} requests arrived{more}"
    )


def tell(
    findings: Findings, run: Mapping[str, str | int | bool], shell: Shell, *, as_json: bool
) -> None:
    """Print the table and, for programs, one line with everything. `run`: what was run, and with what."""
    shell.table(("WHAT", "COUNT", "MEANS"), list(_rows(findings)))
    for sentence in findings.examples:
        shell.say(Cell(sentence, Colour.BAD), indent=2)
    if as_json:
        print(json.dumps({**run, **findings.as_json()}), file=shell.out)


def _rows(found: Findings) -> Iterator[Row]:
    yield "kills", str(sum(found.killed.values())), _killed(found.killed)
    yield "accepted", str(found.accepted), "alerts answered 200"
    yield "lost", _zero(found.lost), "of all that was accepted: not on record, or not done"
    yield "fired twice", _zero(found.fired_twice), "steps, by the record and by the receivers"
    yield "delivered", str(found.delivered), f"and {found.cancelled} cancelled by acknowledging"
    if found.unfinished:
        yield "unfinished", str(found.unfinished), "deliveries that still wait"
    yield "requests", str(found.requests), "that arrived, with every signature verified"
    yield "unverified", _zero(found.unverified), "requests with a wrong signature"
    yield (
        *("repeats", str(found.repeats)),
        f"of a delivery that had come; {found.repeats_after_taken} of one that was taken",
    )
    yield "unknown repeats", _zero(found.unknown_repeats), "under an id that is not on record"
    yield "acknowledged", str(found.acknowledged), "answered 200"
    yield (
        *("leased after", _zero(found.leased_after_acknowledge)),
        "attempts begun after an acknowledgement committed",
    )
    yield (
        *("in flight", str(found.in_flight_at_acknowledge)),
        "attempts under way as one committed",
    )
    node, database = found.recovery_seconds_max, found.database_recovery_seconds_max
    in_all = f"with outages {_seconds(found.recovery_seconds_in_all_max)}"
    yield "recovery", _seconds(node), f"at most, from a death to its attempts taken over; {in_all}"
    if database is not None:
        yield "database", _seconds(database), "at most, from its return to the next alert accepted"
    yield "fired late", *_percentiles(found.fired_late)
    yield "sent late", *_percentiles(found.sent_late)
    if found.ended_by_themselves:
        yield "ended", _zero(found.ended_by_themselves), "servers that nobody had killed"
    if found.turned_away:
        counts = (f"{count} with {status}" for status, count in found.turned_away.items())
        yield "sent again", str(sum(found.turned_away.values())), listed(list(counts))


def _zero(count: int) -> Cell:
    """Return a number that has to be 0."""
    return Cell(str(count), Colour.BAD if count else Colour.GOOD)


def _killed(killed: Mapping[str, int]) -> str:
    return listed([f"{name} {count}" for name, count in killed.items()], nothing="none")


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.3f} s"


def _percentiles(late: Percentiles) -> tuple[str, str]:
    others = f"half of the steps; 95 %: {_seconds(late.p95)}, 99 %: {_seconds(late.p99)}, all: {_seconds(late.max)}"
    return _seconds(late.p50), others

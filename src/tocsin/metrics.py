"""What Prometheus is told: plain numbers that the pipelines add to, a batch at a time.

The library's own counters take a lock and a look-up for each number; a delivery brings five. So
numbers are counted here, in dictionaries, and the library renders them when somebody asks.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

LATENESS_SECONDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)
GROUP_SIZES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
_MICROSECONDS: Final = 1_000_000
_TURNED_AWAY: Final = ("alert_not_stored", "inbox_full", "internal_error", "store_unavailable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """What is read when somebody asks, rather than counted. Units: seconds, 0 when nothing waits."""

    oldest_overdue_seconds: float = 0.0
    oldest_unsent_seconds: float = 0.0
    queue_depths: Mapping[str, int] = field(default_factory=dict)
    in_flight: int = 0
    disabled_webhooks: Mapping[str, int] = field(default_factory=dict)
    open_breakers: int = 0
    failing_webhooks: int = 0
    heartbeats: Mapping[str, int] = field(default_factory=dict)
    peers: Mapping[str, int] = field(default_factory=dict)
    is_paused: bool = False
    nodes: Mapping[str, int] = field(default_factory=dict)
    """How many live, by role."""
    clock_skew_seconds: float = 0.0
    receivers_expire_at: Mapping[str, float] = field(default_factory=dict)
    clients_expire_at: Mapping[str, float] = field(default_factory=dict)
    """When certificates end, by webhook. Units: seconds since 1970."""
    not_ready: Sequence[str] = ()
    warnings: Sequence[str] = ()
    """What `/readyz` says, by its codes."""


class Metrics:
    """Everything counted since the process began. Safe from any thread; one call a batch."""

    def __init__(self, *, version: str) -> None:
        self._version = version
        self._lock = Lock()
        self.retention = RetentionMetrics()
        self._alerts: Counter[tuple[str, str]] = Counter()
        # Those that an alert asks for begin at 0: of what appears with its first 1, none is seen to rise.
        self._refused: Counter[str] = Counter(dict.fromkeys(_TURNED_AWAY, 0))
        self._unknown_types = 0
        self._opened = 0
        self._exhausted = 0
        self._attempts: Counter[str] = Counter()
        self._deliveries: Counter[str] = Counter(failed=0)
        self._poison: Counter[str] = Counter(ingest=0, escalate=0, deliver=0)
        self._answers: Counter[str] = Counter()
        self._stale: Counter[str] = Counter()
        self._hurried: Counter[str] = Counter()
        self._skipped_late = 0
        self._follow_ups: Counter[str] = Counter()
        self._steps = _Histogram(LATENESS_SECONDS)
        self._first_bytes = _Histogram(LATENESS_SECONDS)
        self._groups = _Histogram(GROUP_SIZES)

    # --- counting

    def alerts_taken_in(
        self, alerts: Iterable[tuple[str, str]], *, opened: int = 0, unknown_types: int = 0
    ) -> None:
        """Count alerts on disk, each a message type and its effect, and the incidents they opened."""
        with self._lock:
            self._alerts.update(alerts)
            self._opened += opened
            self._unknown_types += unknown_types

    def alert_refused(self, code: str) -> None:
        """Count a request that stored no alert, by the code of its refusal."""
        with self._lock:
            self._refused[code] += 1

    def incident_opened(self) -> None:
        """Count an incident that a person opened."""
        with self._lock:
            self._opened += 1

    def steps_fired(self, late_us: Iterable[int], *, exhausted: int = 0) -> None:
        """Count steps, and incidents that got nobody left to page.

        Units: microseconds from the planned instant of each step to when it fired.
        """
        with self._lock:
            self._steps.add(each / _MICROSECONDS for each in late_us)
            self._exhausted += exhausted

    def attempts_ended(self, outcomes: Iterable[str], first_byte_late_us: Iterable[int]) -> None:
        """Count attempts by outcome.

        Units: for each first attempt that sent something, microseconds from its step's planned
        instant to its first byte.
        """
        with self._lock:
            self._attempts.update(outcomes)
            self._first_bytes.add(each / _MICROSECONDS for each in first_byte_late_us)

    def deliveries_moved(self, states: Mapping[str, int]) -> None:
        """Count deliveries by the state that they came to."""
        with self._lock:
            self._deliveries.update(states)

    def follow_ups_made(self, names: Iterable[str]) -> None:
        """Count deliveries that tell of changes, by what they tell."""
        with self._lock:
            self._follow_ups.update(names)

    def answers_read(self, decisions: Iterable[str]) -> None:
        """Count answers that asked for something, by what came of them."""
        with self._lock:
            self._answers.update(decisions)

    def group_committed(self, size: int) -> None:
        """Count one commit. Units: pieces of work in it."""
        with self._lock:
            self._groups.add((float(size),))

    def poisoned(self, pipeline: str) -> None:
        """Count an item that failed alone: `ingest`, `escalate` or `deliver`."""
        with self._lock:
            self._poison[pipeline] += 1

    def came_too_late(self, reason: str, count: int) -> None:
        """Count what did nothing, because what it belonged to had been stopped or taken over."""
        with self._lock:
            self._stale[reason] += count

    def steps_hurried(self, reasons: Iterable[str]) -> None:
        """Count steps that fired before their time, by the reason."""
        with self._lock:
            self._hurried.update(reasons)

    def skipped_late(self, count: int) -> None:
        """Count deliveries that were too late to be sent."""
        with self._lock:
            self._skipped_late += count

    # --- telling

    def render(self, gauges: Gauges | str, *, accept: str = "") -> tuple[bytes, str]:
        """Return the text and its Content-Type, in the format that the Accept header asks for.

        A text instead of gauges is the code of why they cannot be read: then only that is told of them.
        """
        encode, content_type = choose_encoder(accept)
        registry = CollectorRegistry(support_collectors_without_names=True)
        read = [_not_ready([gauges])] if isinstance(gauges, str) else _gauges(gauges)
        registry.register(_Snapshot((*self._counted(), *read)))
        return encode(registry), content_type

    def _counted(self) -> list[Metric]:
        with self._lock:
            return [
                _info(self._version),
                _alerts(self._alerts),
                _by("refused_alerts", "Requests that stored no alert", "code", self._refused),
                _total("unknown_type_alerts", "Alerts of a type read as INFO", self._unknown_types),
                _total("incidents_opened", "Incidents opened", self._opened),
                _total("exhausted", "Incidents with nobody left to page", self._exhausted),
                self._steps.family("step_lateness_seconds", "From planned to fired"),
                self._first_bytes.family(
                    "first_byte_lateness_seconds", "From planned to the first byte sent"
                ),
                _by("attempts", "Attempts ended", "outcome", self._attempts),
                _by(
                    "deliveries", "Deliveries by the state they came to", "state", self._deliveries
                ),
                _by("follow_ups", "Follow-ups made", "follow_up", self._follow_ups),
                _by("answers", "Answers that asked to act", "decision", self._answers),
                _by(
                    "steps_hurried",
                    "Steps fired before their time, as the one before reached nobody",
                    "reason",
                    self._hurried,
                ),
                _total(
                    "deliveries_skipped_late",
                    "Deliveries not sent, as they were too late for their webhook",
                    self._skipped_late,
                ),
                self._groups.family("commit_group_size", "Pieces of work in one commit"),
                _by("poison", "Items that failed alone", "pipeline", self._poison),
                _by("stale", "What came too late and did nothing", "reason", self._stale),
                *self.retention.families(),
            ]


class RetentionMetrics:
    """What was removed because it was over for too long. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._things: Counter[str] = Counter()
        self._rows = 0
        self._instants: dict[str, float] = {}

    def removed(self, what: str, things: int, rows: int) -> None:
        """Count one transaction that removed something."""
        with self._lock:
            self._things[what] += things
            self._rows += rows

    def looked_through(self, at: datetime, oldest: datetime | None) -> None:
        """Say that nothing old is left, and when the first incident that is here was opened."""
        with self._lock:
            self._instants["retention_last_run"] = at.timestamp()
            self._instants["oldest_incident"] = oldest.timestamp() if oldest else 0.0

    def families(self) -> list[Metric]:
        with self._lock:
            return [
                _by("removed", "Things removed as they were over for long", "what", self._things),
                _total("removed_rows", "Rows that these things were", self._rows),
                *(
                    GaugeMetricFamily(
                        f"tocsin_{name}_timestamp_seconds", _RETENTION_TEXTS[name], value=value
                    )
                    for name, value in self._instants.items()
                ),
            ]


_RETENTION_TEXTS: Final = {
    "retention_last_run": "When the retention last had nothing more to remove",
    "oldest_incident": "When the first incident that is kept was opened, as of then; 0: there is none",
}


class _Histogram:
    """Counts in buckets; `bounds` are the greatest value of each but the last."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, values: Iterable[float]) -> None:
        for value in values:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value

    def family(self, name: str, text: str) -> HistogramMetricFamily:
        total = 0
        buckets = []
        for bound, count in zip((*map(str, self._bounds), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return HistogramMetricFamily(f"tocsin_{name}", text, buckets=buckets, sum_value=self._sum)


class _Snapshot:
    """The numbers of one instant, in the form that the library renders."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = tuple(families)

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _total(name: str, text: str, value: int) -> CounterMetricFamily:
    return CounterMetricFamily(f"tocsin_{name}", text, value=value)


def _by(name: str, text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(f"tocsin_{name}", text, labels=[label])
    for value, count in sorted(counts.items()):
        family.add_metric([value], count)
    return family


def _gauge_by(name: str, text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"tocsin_{name}", text, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family


def _alerts(counts: Mapping[tuple[str, str], int]) -> CounterMetricFamily:
    family = CounterMetricFamily(
        "tocsin_alerts", "Alerts taken in, by what they did", labels=["type", "effect"]
    )
    for (type_, effect), count in sorted(counts.items()):
        family.add_metric([type_, effect], count)
    return family


def _info(version: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily("tocsin_build_info", "What runs here", labels=["version"])
    family.add_metric([version], 1)
    return family


def _not_ready(codes: Iterable[str]) -> GaugeMetricFamily:
    text = "1 for each code of a reason why /readyz answers 503"
    return _gauge_by("not_ready", text, "code", dict.fromkeys(codes, 1.0))


def _gauges(gauges: Gauges) -> list[Metric]:
    seconds = {
        "tocsin_oldest_overdue_seconds": (
            "Age of the oldest step due",
            gauges.oldest_overdue_seconds,
        ),
        "tocsin_oldest_unsent_seconds": (
            "Age of the oldest delivery never tried",
            gauges.oldest_unsent_seconds,
        ),
        "tocsin_attempts_in_flight": ("Attempts under way", float(gauges.in_flight)),
        "tocsin_open_breakers": (
            "Webhooks that failed again and again and are left alone, but for probes",
            float(gauges.open_breakers),
        ),
        "tocsin_failing_webhooks": (
            "Webhooks that fail again and again",
            float(gauges.failing_webhooks),
        ),
        "tocsin_clock_skew_seconds": (
            "How far this machine's clock is ahead of the database's",
            gauges.clock_skew_seconds,
        ),
        "tocsin_paused": ("1 while nothing fires or is sent", float(gauges.is_paused)),
    }
    return [
        _gauge_by("nodes", "Living nodes, by what they do", "role", gauges.nodes),
        _not_ready(gauges.not_ready),
        _gauge_by(
            "warning",
            "1 for each code of a warning of /readyz",
            "code",
            dict.fromkeys(gauges.warnings, 1.0),
        ),
        _gauge_by("queue_depth", "Items that wait, by queue", "queue", gauges.queue_depths),
        _gauge_by(
            "disabled_webhooks",
            "Webhooks that no step calls, by the reason",
            "reason",
            gauges.disabled_webhooks,
        ),
        _gauge_by("peers", "Installations that wait for this one's calls", "state", gauges.peers),
        _gauge_by("heartbeats", "Heartbeats, by their state", "state", gauges.heartbeats),
        _gauge_by(
            "webhook_certificate_expires_timestamp_seconds",
            "When the certificate that a webhook's receiver showed last ends",
            "webhook",
            gauges.receivers_expire_at,
        ),
        _gauge_by(
            "webhook_client_certificate_expires_timestamp_seconds",
            "When a webhook's own client certificate ends",
            "webhook",
            gauges.clients_expire_at,
        ),
        *(GaugeMetricFamily(name, text, value=value) for name, (text, value) in seconds.items()),
    ]

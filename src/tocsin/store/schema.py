"""Tables, once, for SQLite and PostgreSQL.

Lean on purpose: one page dirtied per row and index is what a delivery costs. So escalations and the
timeline are clustered by incident and need no index for it, an incident's id is its number, a timer
is a column, and a partial index holds only what still has to be done. docs/adr/0002 has the figures.

Instants are BIGINT microseconds since 1970; lengths of time too. Names of states are text, the same
words as in code.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Return microseconds since 1970. Units: `at` is aware."""
    return (at - UNIX_EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC instant. Units: microseconds since 1970."""
    return UNIX_EPOCH + timedelta(microseconds=micros)


def micros_or_none(at: datetime | None) -> int | None:
    """Return microseconds since 1970, or None for None."""
    return None if at is None else to_micros(at)


def instant_or_none(micros: int | None) -> datetime | None:
    """Return the aware UTC instant, or None for None."""
    return None if micros is None else from_micros(micros)


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime, kept as integer microseconds since 1970 on both databases."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        return micros_or_none(value)

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        return instant_or_none(value)


class Sealed(sa.types.TypeDecorator[bytes]):
    """What `tocsin.vault` sealed. Every column of this type is sealed anew with a new master key."""

    impl = sa.LargeBinary
    cache_ok = True


# BIGINT is not SQLite's rowid; INTEGER is, and as wide.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

metadata = sa.MetaData()


def clustered(name: str, *columns: sa.Column[Any], **more: Any) -> sa.Table:
    """A table kept in the order of its primary key (on PostgreSQL an ordinary one)."""
    return sa.Table(name, metadata, *columns, sqlite_with_rowid=False, **more)


# --- What happens: the hot tables -------------------------------------------------------------

incidents = sa.Table(
    "incidents",
    metadata,
    sa.Column("number", Id, primary_key=True, autoincrement=False),
    sa.Column("entity_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("routing_key", sa.Text, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    sa.Column("alert_count", sa.Integer, nullable=False),
    sa.Column("first_alert_id", Id, nullable=False),
    sa.Column("latest_alert_id", Id, nullable=False),
    # The alert whose fields a step sends: the latest that raised or kept the incident triggered.
    sa.Column("raising_alert_id", Id, nullable=False),
    # False while everything since the incident last triggered was WARNING.
    sa.Column("was_critical", sa.Boolean, nullable=False),
    # Escalations of the current round are the ones in force; reopen and reroute begin a new round.
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("held_until", Instant),
    sa.Column("nobody_left_since", Instant),
    sa.Column("acknowledged_by", sa.Text),
)
# An incident is in exactly one of the two: unresolved ones are unique by entity, the others are its history.
sa.Index(
    "incidents_unresolved_entity",
    incidents.c.entity_id,
    unique=True,
    sqlite_where=incidents.c.status != "resolved",
    postgresql_where=incidents.c.status != "resolved",
)
sa.Index(
    "incidents_resolved_entity",
    incidents.c.entity_id,
    sqlite_where=incidents.c.status == "resolved",
    postgresql_where=incidents.c.status == "resolved",
)
sa.Index(
    "incidents_held",
    incidents.c.held_until,
    sqlite_where=incidents.c.held_until.is_not(None),
    postgresql_where=incidents.c.held_until.is_not(None),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("incident", Id),
    sa.Column("entity_id", sa.Text, nullable=False),
    sa.Column("message_type", sa.Text, nullable=False),
    sa.Column("routing_key", sa.Text, nullable=False),
    sa.Column("fields", sa.Text, nullable=False),
    sa.Column("repairs", sa.Text, nullable=False),
    sa.Column("effect", sa.Text, nullable=False),
)
sa.Index(
    "alerts_without_incident",
    alerts.c.entity_id,
    sqlite_where=alerts.c.incident.is_(None),
    postgresql_where=alerts.c.incident.is_(None),
)

refused_alerts = sa.Table(
    "refused_alerts",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("masked_key", sa.Text, nullable=False),
    sa.Column("routing_key", sa.Text, nullable=False),
    sa.Column("excerpt", sa.Text, nullable=False),
    # How many requests were alike; then `received_at` is when the latest came.
    sa.Column("requests", sa.Integer, nullable=False, server_default=sa.text("1")),
    sa.Column("first_received_at", Instant),
    # The name of the key that was shown, if it was in force once.
    sa.Column("revoked_key", sa.Text),
)

escalations = clustered(
    "escalations",
    sa.Column("incident", Id, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("policy_version_id", Id, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    # Counts on through the repeats: step n of a policy of 3 that is in its second run is position 3 + n.
    sa.Column("next_step", sa.Integer, nullable=False),
    sa.Column("due_at", Instant),
    # How often firing its next step failed while others succeeded; each time it waits longer.
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("end_reason", sa.Text),
    # When the next step is planned, while `due_at` is the instant of a look at whether the last one
    # reached somebody; null as a rule.
    sa.Column("planned_at", Instant),
)
sa.Index(
    "escalations_due",
    escalations.c.due_at,
    sqlite_where=escalations.c.due_at.is_not(None),
    postgresql_where=escalations.c.due_at.is_not(None),
)

bodies = sa.Table(
    "bodies",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("form", sa.LargeBinary, nullable=False),
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("incident", Id),
    sa.Column("escalation", sa.Integer),
    sa.Column("step", sa.Integer),
    sa.Column("webhook_id", Id, nullable=False),
    sa.Column("body_id", Id, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("planned_at", Instant, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("due_at", Instant),
    sa.Column("attempts", sa.Integer, nullable=False),
    # Of those since it was made, or sent again last: from it the deadline counts.
    sa.Column("first_attempt_at", Instant),
    # While the state is sending: the attempt that is open, and the run of the node that holds it.
    sa.Column("attempt_started_at", Instant),
    sa.Column("run_id", Id),
    sa.Column("ended_at", Instant),
    sa.Column("end_reason", sa.Text),
    # The delivery of the same incident to the same webhook whose attempt has to end first.
    sa.Column("waits_for", Id),
    # When the attempt is due that a newer one waits for: its retry was brought forward, if it had to be.
    sa.Column("hurried_at", Instant),
    # How many attempts had been made when it was sent again last; null: it never was.
    sa.Column("attempts_before", sa.Integer),
    # The delivery whose body this one sends once more; such a one has no step.
    sa.Column("resend_of", Id),
    # What a follow-up tells, and the timeline entry of the change that it tells of; it has no step.
    sa.Column("follow_up", sa.Text),
    sa.Column("cause", Id),
)
sa.Index(
    "deliveries_in_line",
    deliveries.c.waits_for,
    sqlite_where=deliveries.c.waits_for.is_not(None),
    postgresql_where=deliveries.c.waits_for.is_not(None),
)
sa.Index(
    "deliveries_step_target",
    deliveries.c.incident,
    deliveries.c.escalation,
    deliveries.c.step,
    deliveries.c.webhook_id,
    unique=True,
)
sa.Index(
    "deliveries_waiting",
    deliveries.c.webhook_id,
    deliveries.c.due_at,
    sqlite_where=deliveries.c.due_at.is_not(None),
    postgresql_where=deliveries.c.due_at.is_not(None),
)
# Those that wait and nobody has tried yet, and those that such a one of the same incident waits for. Resends
# are not among them. It holds what found no slot when its step fired, and so is empty as a rule.
IS_FIRST = sa.or_(
    sa.and_(deliveries.c.attempts == sa.literal_column("0"), deliveries.c.resend_of.is_(None)),
    deliveries.c.due_at == deliveries.c.hurried_at,
)
FIRST_INDEX = sa.Index(
    "deliveries_first",
    deliveries.c.webhook_id,
    deliveries.c.due_at,
    sqlite_where=sa.and_(deliveries.c.due_at.is_not(None), IS_FIRST),
    postgresql_where=sa.and_(deliveries.c.due_at.is_not(None), IS_FIRST),
)
sa.Index(
    "deliveries_resends",
    deliveries.c.resend_of,
    sqlite_where=deliveries.c.resend_of.is_not(None),
    postgresql_where=deliveries.c.resend_of.is_not(None),
)

sa.Index(
    "deliveries_follow_ups",
    deliveries.c.cause,
    deliveries.c.webhook_id,
    unique=True,
    sqlite_where=deliveries.c.cause.is_not(None),
    postgresql_where=deliveries.c.cause.is_not(None),
)

# What is being sent: a row for all that one transaction leased, until all of it has ended.
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("run_id", Id, nullable=False),
    sa.Column("open", sa.Integer, nullable=False),
    # Delivery ids, 8 bytes each, the most significant first.
    sa.Column("deliveries", sa.LargeBinary, nullable=False),
)

attempts = clustered(
    "attempts",
    sa.Column("delivery_id", Id, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("run_id", Id, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("first_byte_at", Instant),
    sa.Column("ended_at", Instant, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("status_code", sa.Integer),
    sa.Column("detail", sa.Text),
    # What stood at the head of its request; null: it made none, or what it was is not known.
    sa.Column("head_id", Id),
)

lanes = clustered(
    "lanes",
    sa.Column("webhook_id", Id, primary_key=True, autoincrement=False),
    # No later than the earliest waiting delivery; null when none waits.
    sa.Column("due_at", Instant),
    sa.Column("in_flight", sa.Integer, nullable=False),
    # While the webhook's breaker is open: when it lets something through again. Null: it is closed.
    sa.Column("held_until", Instant),
    # As the webhook says, so that finding work reads nothing else; null: as many as the setting says.
    sa.Column("slots", sa.Integer),
    # Whether, when both wait, the next slot is an attempt's that follows another. Null: a first attempt's.
    sa.Column("again_is_next", sa.Boolean),
)

# One-time links that were followed.
used_links = clustered(
    "used_links",
    sa.Column("delivery_id", Id, primary_key=True, autoincrement=False),
    sa.Column("action", sa.Text, primary_key=True),
    sa.Column("used_at", Instant, nullable=False),
)

# What webhooks failed since their last 2xx. One that works has no row, and so costs no write.
webhook_failures = clustered(
    "webhook_failures",
    sa.Column("webhook_id", Id, primary_key=True, autoincrement=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("failing_since", Instant, nullable=False),
    # Those of them that were answered 410.
    sa.Column("gone", sa.Integer, nullable=False),
    sa.Column("gone_since", Instant),
    # How the latest of them ended; null: nobody has looked since this is kept.
    sa.Column("latest_at", Instant),
    sa.Column("latest_outcome", sa.Text),
    sa.Column("latest_status", sa.Integer),
    # By which slug, and under which routing key, an alert says that it fails, until the next 2xx.
    sa.Column("told_as", sa.Text),
    sa.Column("told_key", sa.Text),
    # While the breaker is open: since when, how many probes were made, and when the next one may be.
    sa.Column("breaker_opened_at", Instant),
    sa.Column("probes", sa.Integer),
    sa.Column("probe_at", Instant),
)

timeline = clustered(
    "timeline",
    # 0 is about no incident.
    sa.Column("incident", Id, primary_key=True, autoincrement=False),
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("planned_at", Instant),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)

feed = sa.Table(
    "feed",
    metadata,
    # One row a transaction: its place in commit order, and the timeline rows that it added.
    sa.Column("position", Id, primary_key=True, autoincrement=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("entries", sa.Text, nullable=False),
)

counters = clustered(
    "counters",
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", Id, nullable=False),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("node", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("renewed_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    # As it said when it was renewed last; NULL in those of older code, which has every role.
    sa.Column("roles", sa.Text),
    sa.Column("in_flight", sa.Integer),
    sa.Column("waiting", sa.Integer),
    sa.Column("cpu_percent", sa.Integer),
    sa.Column("clock_skew", sa.BigInteger),  # microseconds
    sa.Column("ended_by", Id),  # the run itself, or one that found it silent
)

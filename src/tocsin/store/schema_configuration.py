"""Tables of what is configured, and of who may configure it. Small, and read far more than written.

Secrets: URLs, auth codes and client keys are sealed (`tocsin.vault`); alert keys and tokens are kept as SHA-256.

Teams, policies and webhooks that are deleted keep their row, because incidents, running escalations
and deliveries name them for as long as they are kept; a deleted webhook's secrets are gone. Slugs
are unique among the living.
"""

import sqlalchemy as sa

from tocsin.store import schema_identity
from tocsin.store.schema import Id, Instant, Sealed, clustered, metadata

assert (
    schema_identity.users.metadata is metadata
)  # imported, so that whoever has these tables has those


def _alive(name: str, table: sa.Table, *columns: str, ended_at: str = "deleted_at") -> sa.Index:
    """Unique among the rows that have not ended."""
    condition = table.c[ended_at].is_(None)
    return sa.Index(
        name,
        *(table.c[column] for column in columns),
        unique=True,
        sqlite_where=condition,
        postgresql_where=condition,
    )


teams = sa.Table(
    "teams",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("deleted_at", Instant),
)
_alive("teams_slug", teams, "slug")

policies = sa.Table(
    "policies",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("team_id", Id, nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    # What a new escalation follows.
    sa.Column("version_id", Id, nullable=False),
    sa.Column("deleted_at", Instant),
)
_alive("policies_slug", policies, "team_id", "slug")

# Never updated, and removed only once no escalation can name it: a running one keeps the version it started with.
policy_versions = sa.Table(
    "policy_versions",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("policy_id", Id, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    # A JSON list; each step has its `delay` in microseconds and its `targets`, such as a webhook's id,
    # and perhaps `if_undelivered`.
    sa.Column("steps", sa.Text, nullable=False),
    sa.Column("repeat_times", sa.Integer, nullable=False),
    sa.Column("repeat_after", sa.BigInteger, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)
sa.Index(
    "policy_versions_number",
    policy_versions.c.policy_id,
    policy_versions.c.number,
    unique=True,
)

webhooks = sa.Table(
    "webhooks",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("url", Sealed, nullable=False),
    sa.Column("auth_code", Sealed, nullable=False),
    sa.Column("profile", sa.Text, nullable=False),
    sa.Column("with_summary", sa.Boolean, nullable=False),
    sa.Column("with_sender_headers", sa.Boolean, nullable=False),
    sa.Column("with_standard_signature", sa.Boolean, nullable=False),
    sa.Column("connect_timeout", sa.BigInteger, nullable=False),
    sa.Column("total_timeout", sa.BigInteger, nullable=False),
    sa.Column("deadline", sa.BigInteger, nullable=False),
    sa.Column("disabled_at", Instant),
    sa.Column("deleted_at", Instant),
    # Null, if and only if it is enabled.
    sa.Column("disabled_reason", sa.Text),
    # PEM text: whom its receiver is verified by, and what is shown to the receiver.
    sa.Column("ca_bundle", sa.Text),
    sa.Column("client_certificate", sa.Text),
    sa.Column("client_key", Sealed),
    sa.Column("answer_may_act", sa.Boolean, nullable=False, server_default=sa.false()),
    # The actions of the links in its pages, spaces between.
    sa.Column("links", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("head_id", Id),
    # What will be the auth code, and when; without an instant, when somebody says so.
    sa.Column("pending_auth_code", Sealed),
    sa.Column("promote_at", Instant),
    # Microseconds; null: however late.
    sa.Column("skip_if_late", sa.BigInteger),
    # The routing key that is told when it fails again and again; null: nobody is.
    sa.Column("when_failing", sa.Text),
    # Attempts under way at once; null: as many as the setting says. Its lane has it, too.
    sa.Column("slots", sa.Integer),
    # From each attempt to the next, spaces between.
    sa.Column("retry_waits", sa.Text, nullable=False, server_default=sa.text("'2s 5s 15s 30s 1m'")),
    # What it is told after a page, spaces between.
    sa.Column("follow_up", sa.Text, nullable=False, server_default=sa.text("''")),
)
_alive("webhooks_slug", webhooks, "slug")

# What the receiver of each webhook was verified by, when it last showed something new. No part of the
# configuration: it is written beside attempts.
receiver_certificates = sa.Table(
    "receiver_certificates",
    metadata,
    sa.Column("webhook_id", Id, primary_key=True, autoincrement=False),
    # Where it was shown: a webhook's URL may lead elsewhere by now.
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("starts_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False),
)

# Which certificates' ends were warned of, so that nobody is told twice: `days` is how near it was.
certificate_warnings = sa.Table(
    "certificate_warnings",
    metadata,
    sa.Column("webhook_id", Id, primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("days", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("expires_at", Instant, nullable=False),
)

# What has stood at the head of a webhook's requests: attempts name it. Both sealed; empty once forgotten.
request_heads = sa.Table(
    "request_heads",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("webhook_id", Id, nullable=False),
    sa.Column("url", Sealed, nullable=False),
    sa.Column("head", Sealed, nullable=False),
)

routing_keys = sa.Table(
    "routing_keys",
    metadata,
    # In lower case. The empty text, which no key can be, is the default routing.
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("opening_types", sa.Text, nullable=False),
)

routing_policies = sa.Table(
    "routing_policies",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("policy_id", Id, nullable=False),
)

# Jobs that are to call. One row has both what is configured and what its calls made of it: the first is
# written by edits, the second by calls and the engine, under the lock of its entity.
heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    # Microseconds.
    sa.Column("every", sa.BigInteger, nullable=False),
    sa.Column("grace", sa.BigInteger, nullable=False),
    # In lower case; empty: the default routing.
    sa.Column("routing_key", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("counts_from", Instant, nullable=False),
    sa.Column("condition", sa.Text, nullable=False),
    sa.Column("changed_at", Instant),
    # When it is to be judged next; null while its next call is what counts.
    sa.Column("due_at", Instant),
    sa.Column("last_call_at", Instant),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("paused_at", Instant),
    # Such a row is gone as soon as its incident was taken back.
    sa.Column("deleted_at", Instant),
)
_alive("heartbeats_slug", heartbeats, "slug")
sa.Index(
    "heartbeats_due",
    heartbeats.c.due_at,
    sqlite_where=heartbeats.c.due_at.is_not(None),
    postgresql_where=heartbeats.c.due_at.is_not(None),
)

alert_keys = sa.Table(
    "alert_keys",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("hint", sa.Text, nullable=False),  # the key, masked
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
)
_alive("alert_keys_name", alert_keys, "name", ended_at="revoked_at")
_alive("alert_keys_hash", alert_keys, "hash", ended_at="revoked_at")

# How many alerts came by a key on a day, by their fate.
alert_fates = clustered(
    "alert_fates",
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),  # of UTC, since 1970
    sa.Column("key_id", Id, primary_key=True, autoincrement=False),
    sa.Column("fate", sa.Text, primary_key=True),
    sa.Column("alerts", Id, nullable=False),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scope", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("hint", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
    # Whose it is; null: nobody's in particular. A name of theirs begins with the user's and a slash.
    sa.Column("user_id", Id),
)
_alive("tokens_name", tokens, "name", ended_at="revoked_at")

# Who changed what: one row a change, in the transaction that made it.
changes = sa.Table(
    "changes",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
)

# What a request with an Idempotency-Key was answered, so that it can be answered so again.
idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("token_id", Id, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("response", Sealed, nullable=False),  # it may show a new secret
    sa.Column("at", Instant, nullable=False),
)
sa.Index("idempotency_at", idempotency.c.at)

# Facts about the installation itself, by name.
settings = sa.Table(
    "settings",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)

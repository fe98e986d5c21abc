"""Tables of people: users, how they sign in, and where they have. Small; a session is read for every page.

Secrets: passwords are kept as argon2 hashes, sessions and invitations as SHA-256.
"""

import sqlalchemy as sa

from tocsin.store.schema import Id, Instant, metadata

# A user who has signed in keeps the row: timelines and the audit say the name.
users = sa.Table(
    "users",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    # Null: no password was chosen.
    sa.Column("password_hash", sa.Text),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("signed_in_at", Instant),
    sa.Column("disabled_at", Instant),
)

# What a team administrator administers. By id, so that a team may be renamed.
user_teams = sa.Table(
    "user_teams",
    metadata,
    sa.Column("user_id", Id, primary_key=True, autoincrement=False),
    sa.Column("team_id", Id, primary_key=True, autoincrement=False),
)

# Who an OpenID Connect provider says that somebody is.
identities = sa.Table(
    "identities",
    metadata,
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("user_id", Id, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("user_id", Id, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("last_seen_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    # Where the sign-in came from, for its owner.
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("agent", sa.Text, nullable=False),
)

# Links that have not been used. Using one deletes its row.
invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("id", Id, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
    # Null: whoever has it chooses a name, and gets the role.
    sa.Column("user_id", Id),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
)

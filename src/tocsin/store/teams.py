"""Teams."""

from datetime import datetime

import sqlalchemy as sa

from tocsin.domain.team import Team
from tocsin.store import schema_configuration as schema
from tocsin.store.database import Tx

_T = schema.teams


def list_teams(tx: Tx) -> list[Team]:
    """Return the teams in order of slug."""
    select = (
        sa.select(_T.c.id, _T.c.slug, _T.c.name)
        .where(_T.c.deleted_at.is_(None))
        .order_by(_T.c.slug)
    )
    return [Team(id=row.id, slug=row.slug, name=row.name) for row in tx.core.execute(select)]


def insert_team(tx: Tx, team: Team) -> None:
    tx.core.execute(_T.insert(), {"id": team.id, "slug": team.slug, "name": team.name})


def update_team(tx: Tx, team: Team) -> None:
    """Save a team's slug and name."""
    tx.core.execute(_T.update().where(_T.c.id == team.id).values(slug=team.slug, name=team.name))


def delete_team(tx: Tx, team_id: int, *, now: datetime) -> None:
    """Take a team out of sight; its row stays for what still names it."""
    tx.core.execute(_T.update().where(_T.c.id == team_id).values(deleted_at=now))

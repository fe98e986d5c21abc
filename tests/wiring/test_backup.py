"""What a store is called where people and programs read it."""

from contextlib import closing
from pathlib import Path

import pytest

from tocsin.store.database import Database
from tocsin.wiring.backup import named


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (
            "postgresql+psycopg://tocsin:hidden@db.example:5433/tocsin",
            "tocsin@db.example:5433/tocsin",
        ),
        ("postgresql+psycopg://db/t?password=hidden&sslmode=require", "db/t?sslmode=require"),
        (
            "postgresql+psycopg://tocsin:hidden@/t?host=%2Frun&sslpassword=hidden",
            "tocsin@/t?host=%2Frun",
        ),
    ],
)
def test_a_password_is_in_no_name(url: str, name: str) -> None:
    """Wherever PostgreSQL lets one stand; what is left leads to the same database."""
    with closing(Database(url)) as database:
        assert named(database) == f"postgresql://{name}"


def test_a_file_is_called_by_its_path(tmp_path: Path) -> None:
    """Not by a URL."""
    with closing(Database(f"sqlite:///{tmp_path / 'tocsin.db'}")) as database:
        assert named(database) == str(tmp_path / "tocsin.db")

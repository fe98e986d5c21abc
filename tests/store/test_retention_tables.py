"""Every table either loses its old rows or says why it does not."""

from pathlib import Path

from tocsin.store import schema, schema_configuration
from tocsin.store.retention.schedule import KEPT, PARTS, REMOVED

ADR = Path(__file__).parents[2] / "docs/adr/0019-retention.md"
TABLES = {table.name for table in schema_configuration.webhooks.metadata.sorted_tables}


def test_every_table_is_thought_of() -> None:
    """A new one fails this until `schedule.py` says what removes its rows, or why they stay."""
    assert schema.metadata is schema_configuration.webhooks.metadata
    assert REMOVED.keys() | KEPT.keys() == TABLES
    assert not REMOVED.keys() & KEPT.keys()
    assert all(KEPT.values())


def test_every_part_removes_rows_of_some_table() -> None:
    """And no table names a part that there is not."""
    assert {name for names in REMOVED.values() for name in names} == {part.name for part in PARTS}


def test_the_decision_names_every_table() -> None:
    """The table of docs/adr/0019 has a row for each, with the parts that remove its rows."""
    rows = [line.split("|")[1:4] for line in ADR.read_text().splitlines() if line.startswith("| `")]
    written = {table.strip(" `"): parts.strip() for table, parts, _ in rows}
    assert written == {
        **{table: ", ".join(f"`{name}`" for name in names) for table, names in REMOVED.items()},
        **dict.fromkeys(KEPT, "kept"),
    }

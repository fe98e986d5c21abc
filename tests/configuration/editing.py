"""Somebody who configures: Alice, at a fixed instant, with randomness that can be repeated."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from tocsin.actions.apply import apply, read_configuration_file
from tocsin.actions.editor import Editor
from tocsin.actions.in_force import InForce, read_in_force
from tocsin.domain.configuration_file.mistakes import ConfigurationMistakes
from tocsin.domain.configuration_file.report import ApplyReport, report_text
from tocsin.domain.network import Networks
from tocsin.ids import IdSource
from tocsin.master_key import make_master_key
from tocsin.store.changes import Change, list_changes
from tocsin.store.database import Database
from tocsin.vault import Vault

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def counting_bytes() -> Callable[[int], bytes]:
    """Bytes that differ each time, and are the same in each run."""
    numbers = count(1)
    return lambda size: next(numbers).to_bytes(2, "big") * (size // 2) + b"!" * (size % 2)


def new_vault() -> Vault:
    return Vault(make_master_key(counting_bytes()))


@dataclass
class Alice:
    """Configures one database, by files or otherwise."""

    database: Database
    editor: Editor = field(
        default_factory=lambda: Editor(
            actor="alice",
            now=NOW,
            ids=IdSource(node=1),
            random_bytes=counting_bytes(),
            vault=new_vault(),
            networks=Networks.parse("public,private"),
            public_url="https://tocsin.example",
        )
    )

    @property
    def vault(self) -> Vault:
        return self.editor.vault

    def apply(self, text: str, *, prune: bool = False) -> ApplyReport:
        file = read_configuration_file(text.encode(), name="tocsin.yaml")
        with self.database.write() as tx:
            return apply(tx, file, editor=self.editor, prune=prune)

    def does(self, action: Callable[..., Any], *args: Any, **facts: Any) -> Any:
        """Do one thing in a transaction of its own."""
        with self.database.write() as tx:
            return action(tx, *args, editor=self.editor, **facts)

    def changes(self) -> list[Change]:
        with self.database.read() as tx:
            return list_changes(tx, limit=1000)


BASE = """\
webhooks:
  pager: {url: 'https://pager.example/a'}
  bridge: {url: 'https://bridge.example/', auth_code: 0123456789abcdef}
teams:
  db:
    policies:
      primary:
        steps:
          - {after: 0s, webhooks: [pager]}
          - {after: 10m, webhooks: [pager, bridge]}
routing_keys:
  web: {policies: [db/primary]}
default_routing: {policies: [db/primary]}
alert_keys:
  nagios: {key: key-of-nagios}
"""


def in_force(alice: Alice) -> InForce:
    with alice.database.read() as tx:
        return read_in_force(tx, alice.vault)


def refused(alice: Alice, text: str, *, prune: bool = False) -> list[str]:
    """Apply what must be refused; return its mistakes. Nothing may have changed."""
    before, changes = in_force(alice), alice.changes()
    with pytest.raises(ConfigurationMistakes) as refusal:
        alice.apply(text, prune=prune)
    assert (in_force(alice), alice.changes()) == (before, changes)
    return [mistake.text("f") for mistake in refusal.value.mistakes]


def effects(report: ApplyReport) -> str:
    """The lines of the report that begin with a sign."""
    lines = report_text(report, is_dry_run=False).splitlines()
    return "; ".join(line for line in lines if line[0] in "+~-")

"""Writing what is in force as a configuration file."""

from tocsin.actions.configuration_file.yaml_text import yaml_text
from tocsin.actions.in_force import read_in_force
from tocsin.store.database import Tx
from tocsin.vault import Vault

_HEAD = "# Tocsin's configuration, as exported. 'tocsin apply FILE' reads it.\n"


def export(tx: Tx, vault: Vault, *, with_secrets: bool) -> str:
    """Return a file that, applied here, changes nothing.

    URLs are in it, which may be secrets themselves: it is for administrators. Auth codes are in it
    only `with_secrets`, and alert keys never: nobody knows them any more.
    """
    description = read_in_force(tx, vault).description
    return f"{_HEAD}\n{yaml_text(description, with_secrets=with_secrets)}"

"""Roles: what a node does. Every node does it all, unless somebody has split the work."""

from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar, Final

from tocsin.domain.wording import listed
from tocsin.errors import TocsinError


class Role(StrEnum):
    """A part of the work that needs at least one living node."""

    API = "api"
    """Takes alerts in, and answers people and programs."""
    ESCALATE = "escalate"
    """Fires steps and ends holds."""
    DELIVER = "deliver"
    """Leases deliveries and sends them."""


ALL_ROLES: Final = frozenset(Role)


class UnknownRole(TocsinError):
    """There is no role of this name."""

    code: ClassVar[str] = "unknown_role"
    status_hint: ClassVar[int] = 500


def parse_roles(text: str) -> frozenset[Role]:
    """Read `api,deliver`. Raises: UnknownRole, with those there are."""
    names = [part.strip() for part in text.split(",")]
    for name in names:
        if name not in ALL_ROLES:
            known = listed([role.value for role in Role])
            raise UnknownRole(f"{name[:40]!r} is no role: choose of {known}, with commas between")
    return frozenset(map(Role, names))


def roles_text(roles: Iterable[Role]) -> str:
    """Return roles as `parse_roles` reads them, in the order in which work passes through them."""
    chosen = set(roles)
    return ",".join(role.value for role in Role if role in chosen)

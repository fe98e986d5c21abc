"""Every page, one module for those that belong together."""

from typing import Final, Protocol

from tocsin.web.pages import (
    account,
    audit,
    policies,
    policy_editor,
    routing,
    signing_in,
    teams,
    timeline,
    users,
)
from tocsin.web.route import Route


class _Module(Protocol):
    @property
    def ROUTES(self) -> tuple[Route, ...]: ...  # noqa: N802 - a constant of the module


_MODULES: Final[tuple[_Module, ...]] = (
    account,
    audit,
    policies,
    policy_editor,
    routing,
    signing_in,
    teams,
    timeline,
    users,
)
ROUTES: Final = tuple(route for module in _MODULES for route in module.ROUTES)

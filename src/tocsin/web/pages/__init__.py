"""Every page, one module for those that belong together."""

from typing import Final, Protocol

from tocsin.web.pages import policies, policy_editor, routing, teams
from tocsin.web.route import Route


class _Module(Protocol):
    @property
    def ROUTES(self) -> tuple[Route, ...]: ...  # noqa: N802 - a constant of the module


_MODULES: Final[tuple[_Module, ...]] = (teams, policy_editor, policies, routing)
ROUTES: Final = tuple(route for module in _MODULES for route in module.ROUTES)
"""The order matters where a word could be taken for a name: `/webhooks/new` stands before `/webhooks/{slug}`."""

"""Every page, one module for those that belong together."""

from typing import Final

from tocsin.web.route import Route

_MODULES: Final = ()
ROUTES: Final[tuple[Route, ...]] = tuple(route for module in _MODULES for route in module.ROUTES)
"""The order matters where a word could be taken for a name: `/webhooks/new` stands before `/webhooks/{slug}`."""

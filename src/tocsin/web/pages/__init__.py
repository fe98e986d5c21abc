"""Every page, one module for those that belong together."""

from typing import Final, Protocol

from tocsin.web.pages import (
    account,
    audit,
    deliveries,
    health,
    heartbeats,
    incident,
    incident_deeds,
    incident_list,
    incident_new,
    integrations,
    policies,
    policy_editor,
    receiver,
    routing,
    signing_in,
    single_sign_on,
    teams,
    timeline,
    users,
    webhook,
    webhook_secrets,
    webhooks,
)
from tocsin.web.route import Route


class _Module(Protocol):
    @property
    def ROUTES(self) -> tuple[Route, ...]: ...  # noqa: N802 - a constant of the module


_MODULES: Final[tuple[_Module, ...]] = (
    account,
    audit,
    deliveries,
    health,
    heartbeats,
    incident,
    incident_deeds,
    incident_list,
    incident_new,
    integrations,
    policies,
    policy_editor,
    receiver,
    routing,
    signing_in,
    single_sign_on,
    teams,
    timeline,
    users,
    webhook,
    webhook_secrets,
    webhooks,
)
ROUTES: Final = tuple(route for module in _MODULES for route in module.ROUTES)

"""What the steps and webhooks of incidents are called, looked up once for as many as are shown."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from tocsin.domain.configuration_file.mistakes import nearest
from tocsin.domain.escalation import Escalation
from tocsin.domain.policy import PolicyVersion
from tocsin.domain.step_place import StepPlace, place_of
from tocsin.errors import TocsinError
from tocsin.store.database import Tx
from tocsin.store.delivery_reads import Delivery
from tocsin.store.escalations import list_escalations
from tocsin.store.policies import find_versions
from tocsin.store.policy_names import VersionName, find_version_names
from tocsin.store.webhooks import find_webhook_names


class WebhookUnknown(TocsinError):
    """No webhook has this slug, or ever had it."""

    code: ClassVar[str] = "unknown_name"
    status_hint: ClassVar[int] = 422

    def __init__(self, slug: str, known: Iterable[str]) -> None:
        hint = nearest(slug, known) or ": look at the list of webhooks"
        super().__init__(
            f"There is no webhook {slug[:130]!r}{hint}", kind="webhook", key=slug[:130]
        )


@dataclass(frozen=True, slots=True)
class NamedStep:
    """A step of an escalation: of which policy and version, and where in it."""

    escalation: int
    policy: str
    version: int
    place: StepPlace


class Names:
    """Names for whatever belongs to these incidents, and for these policy versions."""

    def __init__(
        self, tx: Tx, *, incidents: Iterable[int | None] = (), version_ids: Iterable[int] = ()
    ) -> None:
        self._tx = tx
        wanted = {number for number in incidents if number is not None}
        self.escalations: dict[int, list[Escalation]] = (
            list_escalations(tx, wanted) if wanted else {}
        )
        used = {each.policy_version_id for found in self.escalations.values() for each in found}
        self._version_ids = used | set(version_ids)

    @cached_property
    def _versions(self) -> dict[int, PolicyVersion]:
        return {version.id: version for version in find_versions(self._tx, self._version_ids)}

    @cached_property
    def _version_names(self) -> dict[int, VersionName]:
        return find_version_names(self._tx, self._version_ids)

    @cached_property
    def _webhooks(self) -> dict[int, str]:
        return find_webhook_names(self._tx)

    def webhook(self, webhook_id: int) -> str:
        """Return a webhook's slug, also of one that was deleted."""
        return self._webhooks[webhook_id]

    def webhook_ids(self, slug: str) -> list[int]:
        """Return the ids of all webhooks that have, or had, a slug. Raises: WebhookUnknown."""
        found = [id_ for id_, name in self._webhooks.items() if name == slug]
        if not found:
            raise WebhookUnknown(slug, self._webhooks.values())
        return found

    def version(self, version_id: int) -> PolicyVersion:
        return self._versions[version_id]

    def version_name(self, version_id: int) -> VersionName:
        return self._version_names[version_id]

    def step(self, incident: int, escalation: int, position: int) -> NamedStep:
        """Return what a position of an escalation is called."""
        version_id = self.escalations[incident][escalation - 1].policy_version_id
        return self.step_of_version(version_id, position, escalation=escalation)

    def step_of_delivery(self, delivery: Delivery) -> NamedStep | None:
        """Return the step that made a delivery; None for a test."""
        incident, escalation, position = delivery.incident, delivery.escalation, delivery.step
        if incident is None or escalation is None or position is None:
            return None
        return self.step(incident, escalation, position)

    def step_of_version(self, version_id: int, position: int, *, escalation: int) -> NamedStep:
        name = self.version_name(version_id)
        return NamedStep(
            escalation=escalation,
            policy=name.path,
            version=name.number,
            place=place_of(self.version(version_id), position),
        )

    def targets(self, version_id: int, position: int) -> list[str]:
        """Return the slugs of the webhooks that a position calls."""
        step = self.version(version_id).step_at(position)
        return [self.webhook(target.webhook_id) for target in step.targets]

"""Opening an incident by hand."""

import uuid
from typing import Final

from starlette.responses import Response

from tocsin.actions.incident_set import Context
from tocsin.actions.incidents import create_incident
from tocsin.domain.alert_fields import LONGEST_FIELD, LONGEST_STATE_MESSAGE
from tocsin.domain.configuration import Policy
from tocsin.domain.incident import Incident
from tocsin.domain.wording import plan_text
from tocsin.errors import TocsinError
from tocsin.store.database import Tx
from tocsin.web.incident_forms import MOST_LISTED, UnreadableForm, read_policies
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

PATH: Final = "/incidents/new"


async def ask(visit: Visit) -> Response:
    """Ask what is wrong, and whom to call."""
    return await _form(visit)


async def open_by_hand(visit: Visit) -> Response:
    """Open it, and show it."""
    form, services = visit.form, visit.services
    summary, details = form.get("summary", "").strip(), form.get("details", "").strip()
    policies, key = read_policies(visit), form.get("routing_key", "").strip()

    def create(tx: Tx, context: Context) -> Incident:
        alert_uuid, entity_uuid = (
            str(uuid.UUID(bytes=services.random_bytes(16), version=4)) for _ in range(2)
        )
        return create_incident(
            tx,
            context,
            summary=summary,
            details=details,
            created_by=visit.principal.name,
            actor=visit.principal.actor,
            alert_uuid=alert_uuid,
            entity_uuid=entity_uuid,
            organisation=services.organisation,
            policies=policies,
            routing_key=key or None,
        )

    try:
        _check(summary, details, policies, key)
        incident = await visit.work.change(create, urgent=True)
    except TocsinError as refusal:
        return await _form(visit, refusal=refusal)
    services.metrics.incident_opened()
    return visit.redirect(f"/incidents/{incident.number}", notice="The incident is open.")


def _check(summary: str, details: str, policies: list[str], key: str) -> None:
    """Raises: UnreadableForm."""
    if not summary or "\n" in summary or len(summary) > LONGEST_FIELD:
        raise UnreadableForm(f"say in one line of at most {LONGEST_FIELD} characters what is wrong")
    if len(details) > LONGEST_STATE_MESSAGE:
        raise UnreadableForm(f"the details have at most {LONGEST_STATE_MESSAGE} characters")
    if bool(policies) is bool(key):
        raise UnreadableForm("choose policies to start, or one routing key whose policies start")


async def _form(visit: Visit, *, refusal: TocsinError | None = None) -> Response:
    configuration = await visit.work.read(visit.services.cache.current)
    form = visit.form
    known = {each.path: each for each in configuration.policies.values()}
    chosen = set(read_policies(visit)) | set(visit.query.getlist("policy"))
    return visit.render(
        "incident_new.html",
        status=refusal.status_hint if refusal else 200,
        refusal=refusal,
        summary=form.get("summary", visit.query.get("summary", "")),
        details=form.get("details", ""),
        policies=sorted(known, key=lambda path: (path not in chosen, path)),
        first_calls={path: _first_call(policy) for path, policy in known.items()},
        most=MOST_LISTED,
        chosen=chosen,
        routing_keys=sorted(filter(None, configuration.routes)),
        routing_key=form.get("routing_key", ""),
    )


def _first_call(policy: Policy) -> str:
    """Return when somebody is called, of whom a policy calls first."""
    if not policy.current.steps:
        return "calls nobody"
    delay = policy.current.steps[0].delay
    return f"calls after {plan_text(delay)}" if delay else "calls at once"


ROUTES: Final = (
    Route(PATH, "GET", Access.RESPOND, ask),
    Route(PATH, "POST", Access.RESPOND, open_by_hand),
)

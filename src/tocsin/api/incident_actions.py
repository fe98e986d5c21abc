"""What people and programs do to incidents."""

from collections.abc import Callable
from typing import Annotated, Final, Self

from fastapi import APIRouter
from pydantic import ConfigDict, Field, model_validator

from tocsin.actions import incidents
from tocsin.actions.incident_set import Context
from tocsin.actions.incidents import Result, only
from tocsin.api.access import Responder, actor_of
from tocsin.api.dependencies import Work
from tocsin.api.field_types import Duration, GivenInstant, IncidentNumber, Message, RequestModel
from tocsin.api.incident_answers import (
    ChangedIncident,
    ResultsAnswer,
    render_changed,
    render_results,
)
from tocsin.api.incidents import Paths, RoutingKeyName
from tocsin.api.transactions import Transactions
from tocsin.store.database import Tx

router: Final = APIRouter(prefix="/incidents", tags=["incidents"])
MOST_AT_ONCE: Final = 500
_Act = Callable[[Tx, Context], list[Result]]


class Said(RequestModel):
    """An action on one incident."""

    message: Message = ""


class Hold(Said):
    """How long: `until` an instant, or `for` a length of time; one minute to seven days."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"for": "1h", "message": "After lunch"}]}
    )
    until: GivenInstant | None = None
    length: Annotated[Duration | None, Field(alias="for")] = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.until is None) is (self.length is None):
            raise ValueError("give either until or for")
        return self


class Reroute(Said):
    """Where to: `policies`, or those of one `routing_key`."""

    policies: Paths = Field(default_factory=list)
    routing_key: RoutingKeyName | None = None


class Many(Said):
    """Several incidents."""

    numbers: Annotated[list[IncidentNumber], Field(min_length=1, max_length=MOST_AT_ONCE)]


NOTHING_SAID: Final = Said()


@router.post("/acknowledge", summary="Acknowledge several incidents")
async def acknowledge_many(principal: Responder, work: Work, many: Many) -> ResultsAnswer:
    """One that cannot be acknowledged spoils nothing for the others."""
    actor = actor_of(principal)
    return await _many(
        work,
        lambda tx, context: incidents.acknowledge(
            tx, context, many.numbers, actor=actor, message=many.message
        ),
    )


@router.post("/resolve", summary="Resolve several incidents")
async def resolve_many(principal: Responder, work: Work, many: Many) -> ResultsAnswer:
    """One that cannot be resolved spoils nothing for the others."""
    actor = actor_of(principal)
    return await _many(
        work,
        lambda tx, context: incidents.resolve(
            tx, context, many.numbers, actor=actor, message=many.message
        ),
    )


@router.post("/{number}/acknowledge", summary="Acknowledge an incident")
async def acknowledge(
    principal: Responder, work: Work, number: IncidentNumber, said: Said = NOTHING_SAID
) -> ChangedIncident:
    """Stops every escalation of it, and whatever of it still waits to be sent."""
    actor = actor_of(principal)
    return await _one(
        work,
        lambda tx, context: incidents.acknowledge(
            tx, context, [number], actor=actor, message=said.message
        ),
    )


@router.post("/{number}/hold", summary="Hold an incident")
async def hold(
    principal: Responder, work: Work, number: IncidentNumber, said: Hold
) -> ChangedIncident:
    """Acknowledged until an instant; then it is triggered again."""
    until = said.until or said.length
    assert until is not None, "validated"
    actor = actor_of(principal)
    return await _one(
        work,
        lambda tx, context: incidents.hold(
            tx, context, [number], until=until, actor=actor, message=said.message
        ),
    )


@router.post("/{number}/reopen", summary="Reopen an incident")
async def reopen(
    principal: Responder, work: Work, number: IncidentNumber, said: Said = NOTHING_SAID
) -> ChangedIncident:
    """The policies that were in force start anew, from step 1."""
    actor = actor_of(principal)
    return await _one(
        work,
        lambda tx, context: incidents.reopen(
            tx, context, [number], actor=actor, message=said.message
        ),
    )


@router.post("/{number}/resolve", summary="Resolve an incident")
async def resolve(
    principal: Responder, work: Work, number: IncidentNumber, said: Said = NOTHING_SAID
) -> ChangedIncident:
    """The next alert about its entity opens a new one."""
    actor = actor_of(principal)
    return await _one(
        work,
        lambda tx, context: incidents.resolve(
            tx, context, [number], actor=actor, message=said.message
        ),
    )


@router.post("/{number}/reroute", summary="Reroute an incident")
async def reroute(
    principal: Responder, work: Work, number: IncidentNumber, said: Reroute
) -> ChangedIncident:
    """Stops what runs and starts other policies; the incident is triggered again."""
    actor = actor_of(principal)
    return await _one(
        work,
        lambda tx, context: incidents.reroute(
            tx,
            context,
            [number],
            policies=said.policies,
            routing_key=said.routing_key,
            actor=actor,
            message=said.message,
        ),
    )


async def _one(work: Transactions, act: _Act) -> ChangedIncident:
    def change(tx: Tx, context: Context) -> ChangedIncident:
        result = only(act(tx, context))
        return render_changed(tx, result.incident, changed=result.changed)

    return await work.change(change, urgent=True)


async def _many(work: Transactions, act: _Act) -> ResultsAnswer:
    return await work.change(lambda tx, context: render_results(tx, act(tx, context)), urgent=True)

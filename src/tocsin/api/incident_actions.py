"""What people and programs do to incidents."""

from collections.abc import Iterable
from functools import partial
from typing import Annotated, Final, Protocol, Self

from pydantic import ConfigDict, Field, model_validator
from starlette.responses import Response

from tocsin.actions import incidents
from tocsin.actions.incident_set import Context
from tocsin.actions.incidents import Result, only
from tocsin.api.access import Responder
from tocsin.api.declaring import management
from tocsin.api.dependencies import Once, Work
from tocsin.api.field_types import (
    Duration,
    GivenInstant,
    IncidentNumber,
    Message,
    RequestModel,
    Text,
)
from tocsin.api.incident_answers import (
    ChangedIncident,
    ResultsAnswer,
    render_changed,
    render_results,
)
from tocsin.api.incidents import Paths, RoutingKeyName
from tocsin.domain.note import LONGEST_NOTE
from tocsin.domain.principal import Principal
from tocsin.service.transactions import Transactions
from tocsin.store.database import Tx

router: Final = management("incidents", prefix="/incidents")
MOST_AT_ONCE: Final = 500


class _Act(Protocol):
    """What is done to incidents, by whom, and what they say about it."""

    def __call__(
        self, tx: Tx, context: Context, numbers: Iterable[int], *, actor: str, message: str
    ) -> list[Result]: ...


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


class Move(Said):
    """Which policies: those named, or all that have changed."""

    policies: Paths = Field(default_factory=list)


class Note(RequestModel):
    """What somebody knows, or did."""

    text: Annotated[
        Text, Field(min_length=1, max_length=LONGEST_NOTE, examples=["Failed over to db-2."])
    ]


class Many(Said):
    """Several incidents."""

    numbers: Annotated[list[IncidentNumber], Field(min_length=1, max_length=MOST_AT_ONCE)]


NOTHING_SAID: Final = Said()
MOVE_ALL: Final = Move()


@router.post("/acknowledge", summary="Acknowledge several incidents")
async def acknowledge_many(principal: Responder, work: Work, many: Many) -> ResultsAnswer:
    """One that cannot be acknowledged spoils nothing for the others."""
    return await _many(work, incidents.acknowledge, many, principal)


@router.post("/resolve", summary="Resolve several incidents")
async def resolve_many(principal: Responder, work: Work, many: Many) -> ResultsAnswer:
    """One that cannot be resolved spoils nothing for the others."""
    return await _many(work, incidents.resolve, many, principal)


@router.post("/{number}/acknowledge", summary="Acknowledge an incident")
async def acknowledge(
    principal: Responder, work: Work, number: IncidentNumber, said: Said = NOTHING_SAID
) -> ChangedIncident:
    """Stops every escalation of it, and whatever of it still waits to be sent."""
    return await _one(work, incidents.acknowledge, number, said, principal)


@router.post("/{number}/hold", summary="Hold an incident")
async def hold(
    principal: Responder, work: Work, number: IncidentNumber, said: Hold
) -> ChangedIncident:
    """Acknowledged until an instant; then it is triggered again."""
    until = said.until or said.length
    assert until is not None, "validated"
    return await _one(work, partial(incidents.hold, until=until), number, said, principal)


@router.post("/{number}/reopen", summary="Reopen an incident")
async def reopen(
    principal: Responder, work: Work, number: IncidentNumber, said: Said = NOTHING_SAID
) -> ChangedIncident:
    """The policies that were in force start anew, from step 1."""
    return await _one(work, incidents.reopen, number, said, principal)


@router.post("/{number}/resolve", summary="Resolve an incident")
async def resolve(
    principal: Responder, work: Work, number: IncidentNumber, said: Said = NOTHING_SAID
) -> ChangedIncident:
    """The next alert about its entity opens a new one."""
    return await _one(work, incidents.resolve, number, said, principal)


@router.post("/{number}/reroute", summary="Reroute an incident")
async def reroute(
    principal: Responder, work: Work, number: IncidentNumber, said: Reroute
) -> ChangedIncident:
    """Stops what runs and starts other policies; the incident is triggered again."""
    act = partial(incidents.reroute, policies=said.policies, routing_key=said.routing_key)
    return await _one(work, act, number, said, principal)


@router.post("/{number}/move", summary="Move an incident to the current versions of its policies")
async def move(
    principal: Responder, work: Work, number: IncidentNumber, said: Move = MOVE_ALL
) -> ChangedIncident:
    """What runs of an earlier version stops, and the current one starts at step 1."""
    act = partial(incidents.move, policies=said.policies)
    return await _one(work, act, number, said, principal)


@router.post(
    "/{number}/notes",
    summary="Note something on an incident's timeline",
    status_code=201,
    responses={201: {"model": ChangedIncident}},
)
async def note(principal: Responder, once: Once, number: IncidentNumber, given: Note) -> Response:
    """For whoever comes next; the incident stays as it is. A resolved one takes notes, too."""

    def change(tx: Tx, context: Context) -> ChangedIncident:
        result = only(incidents.note(tx, context, [number], text=given.text, actor=principal.actor))
        return render_changed(tx, result.incident, changed=result.changed)

    return await once.run(change)


async def _one(
    work: Transactions, act: _Act, number: int, said: Said, principal: Principal
) -> ChangedIncident:
    actor = principal.actor

    def change(tx: Tx, context: Context) -> ChangedIncident:
        result = only(act(tx, context, [number], actor=actor, message=said.message))
        return render_changed(tx, result.incident, changed=result.changed)

    return await work.change(change, urgent=True)


async def _many(work: Transactions, act: _Act, many: Many, principal: Principal) -> ResultsAnswer:
    actor = principal.actor

    def change(tx: Tx, context: Context) -> ResultsAnswer:
        results = act(tx, context, many.numbers, actor=actor, message=many.message)
        return render_results(tx, results)

    return await work.change(change, urgent=True)

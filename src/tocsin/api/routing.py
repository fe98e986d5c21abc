"""Routing keys: which policies an alert's URL picks."""

from typing import Annotated, Final

from fastapi import Path
from pydantic import Field

from tocsin.actions import routing_keys
from tocsin.api.access import READS, Administrator
from tocsin.api.declaring import management
from tocsin.api.dependencies import Work
from tocsin.api.field_types import AnswerModel, Page, RequestModel
from tocsin.api.policies import StepAnswer, render_steps
from tocsin.domain.configuration_file.description import DEFAULT_ROUTING, DescribedRouting
from tocsin.domain.configuration_file.route import RouteExplanation, route_lines
from tocsin.domain.message_type import MessageType
from tocsin.domain.principal import Principal
from tocsin.domain.routing import LONGEST_ROUTING_KEY
from tocsin.service.editing import edit
from tocsin.service.transactions import Transactions

router: Final = management("routing")
Key = Annotated[
    str,
    Path(max_length=LONGEST_ROUTING_KEY, description="A routing key, in any case", examples=["db"]),
]
MOST_POLICIES: Final = 100
_Types = Annotated[
    list[Annotated[MessageType, Field(strict=False)]],
    Field(
        min_length=1,
        max_length=3,
        description="The types of alert that open an incident",
        json_schema_extra={"items": {"type": "string", "enum": ["CRITICAL", "WARNING", "INFO"]}},
    ),
]


class RoutingText(RequestModel):
    """Where a routing key leads."""

    policies: Annotated[
        list[Annotated[str, Field(max_length=129)]],
        Field(
            min_length=1,
            max_length=MOST_POLICIES,
            description="Each starts an escalation of its own; as team/policy",
            examples=[["ops/primary"]],
        ),
    ]
    opens_on: _Types = Field(default_factory=lambda: [MessageType.CRITICAL])


class RoutingAnswer(AnswerModel):
    """Where alerts go."""

    policies: list[str]
    opens_on: list[MessageType]


class RoutingKeyAnswer(RoutingAnswer):
    """A routing key and where it leads."""

    key: str


class ChangedRoutingKey(RoutingKeyAnswer):
    """A routing key as it is now, and whether that is new."""

    changed: bool


class ChangedDefaultRouting(RoutingAnswer):
    """The default routing as it is now, and whether that is new."""

    changed: bool


class RoutePolicy(AnswerModel):
    """A policy that an alert would start."""

    path: str
    name: str
    steps: list[StepAnswer]


class RouteAnswer(AnswerModel):
    """Where an alert with this routing key would go. `key` is null for what no key can be."""

    key: str | None
    is_known: bool
    policies: list[RoutePolicy]
    opens_on: list[MessageType]
    warnings: list[str]
    text: Annotated[str, Field(description="The same, for people")]


@router.get("/routing-keys", summary="List routing keys", dependencies=READS)
async def list_routing_keys(work: Work) -> Page[RoutingKeyAnswer]:
    """All routing keys, in order; the default routing has a path of its own."""
    rows = await _list(work)
    return Page(
        items=[
            RoutingKeyAnswer(**_render(row), key=row.key) for row in rows if not _is_default(row)
        ]
    )


@router.put("/routing-keys/{key}", summary="Let a routing key lead to policies")
async def put_routing_key(
    principal: Administrator, work: Work, key: Key, text: RoutingText
) -> ChangedRoutingKey:
    """Makes the key, if it is new."""
    row, changed = await _put(work, principal, key, text)
    return ChangedRoutingKey(**_render(row), key=row.key, changed=changed)


@router.delete("/routing-keys/{key}", summary="Forget a routing key", status_code=204)
async def delete_routing_key(principal: Administrator, work: Work, key: Key) -> None:
    """The default routing takes its alerts."""
    await _delete(work, principal, key)


@router.get("/default-routing", summary="Show the default routing", dependencies=READS)
async def get_default_routing(work: Work) -> RoutingAnswer:
    """Takes every alert whose routing key is unknown, missing or strange. Empty when there is none."""
    rows = await _list(work)
    found = next((row for row in rows if _is_default(row)), None)
    return RoutingAnswer(**_render(found or DescribedRouting(DEFAULT_ROUTING, ())))


@router.put("/default-routing", summary="Let unknown routing keys lead to policies")
async def put_default_routing(
    principal: Administrator, work: Work, text: RoutingText
) -> ChangedDefaultRouting:
    row, changed = await _put(work, principal, DEFAULT_ROUTING, text)
    return ChangedDefaultRouting(**_render(row), changed=changed)


@router.delete("/default-routing", summary="Let unknown routing keys lead nowhere", status_code=204)
async def delete_default_routing(principal: Administrator, work: Work) -> None:
    """Alerts under unknown routing keys then page nobody, and `/readyz` warns."""
    await _delete(work, principal, DEFAULT_ROUTING)


@router.get("/routes/{key}", summary="Where would an alert go?", dependencies=READS)
async def explain_route(work: Work, key: Annotated[str, Path(max_length=1024)]) -> RouteAnswer:
    """Answers for any text, as no alert is refused for its routing key."""
    vault = work.services.vault
    found = await work.read(lambda tx: routing_keys.route_of(tx, key, vault))
    return _route(found)


async def _list(work: Transactions) -> list[DescribedRouting]:
    vault = work.services.vault
    return await work.read(lambda tx: routing_keys.list_routing(tx, vault))


async def _put(
    work: Transactions, principal: Principal, key: str, text: RoutingText
) -> tuple[DescribedRouting, bool]:
    return await edit(
        work,
        principal,
        lambda tx, editor: routing_keys.put_routing(
            tx, key, policies=text.policies, opens_on=frozenset(text.opens_on), editor=editor
        ),
    )


async def _delete(work: Transactions, principal: Principal, key: str) -> None:
    await edit(
        work, principal, lambda tx, editor: routing_keys.delete_routing(tx, key, editor=editor)
    )


def _is_default(row: DescribedRouting) -> bool:
    return row.key == DEFAULT_ROUTING


def _render(row: DescribedRouting) -> dict[str, list[str]]:
    return {"policies": list(row.policies), "opens_on": sorted(row.opens_on)}


def _route(found: RouteExplanation) -> RouteAnswer:
    return RouteAnswer(
        key=found.key,
        is_known=found.is_known,
        policies=[
            RoutePolicy(path=each.path, name=each.name, steps=render_steps(each))
            for each in found.policies
        ],
        opens_on=sorted(found.opens_on),
        warnings=[advice.text() for advice in found.warnings],
        text="\n".join(route_lines(found)),
    )

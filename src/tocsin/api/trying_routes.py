"""Where an alert would go, without sending it."""

import json
from typing import Annotated, Any, Final

from pydantic import Field

from tocsin.actions.try_route import try_route
from tocsin.api.access import READS
from tocsin.api.declaring import management
from tocsin.api.dependencies import Work
from tocsin.api.field_types import AnswerModel, Duration, RequestModel
from tocsin.domain.alert_forecast import AlertForecast, PolicyForecast
from tocsin.domain.foresight import Moment
from tocsin.domain.incident import Effect
from tocsin.domain.message_type import MessageType

router: Final = management("routing")


class TriedAlert(RequestModel):
    """An alert that is not sent."""

    routing_key: Annotated[
        str, Field(max_length=1024, description="The end of the URL; may be empty", examples=["db"])
    ] = ""
    alert: Annotated[
        dict[str, Any],
        Field(
            description="As its sender would send it",
            examples=[{"message_type": "CRITICAL", "entity_id": "db-1/disk"}],
        ),
    ]


class MomentAnswer(AnswerModel):
    """Steps that would fire together, from `first_step` to `last_step`, counted from 1."""

    at: Annotated[Duration, Field(description="From the instant at which the alert comes")]
    sooner_at: Annotated[
        Duration | None,
        Field(description="When already, if nothing of the step before was delivered by then"),
    ]
    first_step: int
    last_step: int
    webhooks: list[str]


class PolicyForecastAnswer(AnswerModel):
    """A policy that the alert leads to; `not_started` says why it would not start, if it would not."""

    path: str
    name: str
    not_started: str | None
    moments: Annotated[list[MomentAnswer], Field(description="Of the first cycle")]
    ends_at: Annotated[Duration | None, Field(description="When nobody is left to page")]
    warnings: list[str]


class ForecastAnswer(AnswerModel):
    """What would become of the alert."""

    effect: Effect
    message_type: Annotated[MessageType, Field(description="The type that it is read as")]
    entity_id: Annotated[str | None, Field(description="Null: it would be an entity of its own")]
    incident: Annotated[int | None, Field(description="The open one of this entity")]
    is_default_routing: bool
    pages_somebody: bool
    policies: list[PolicyForecastAnswer]
    text: Annotated[str, Field(description="The same, and why, for people")]


@router.post("/routes", summary="What would become of an alert?", dependencies=READS)
async def try_alert(work: Work, tried: TriedAlert) -> ForecastAnswer:
    """Nothing is sent, stored or changed. What would be refused is refused, with the same code."""
    services = work.services
    body = json.dumps(tried.alert).encode()
    found = await work.read(
        lambda tx: try_route(
            tx,
            services.cache,
            body,
            routing_key=tried.routing_key,
            organisation=services.organisation,
            now=services.clock.now(),
        )
    )
    return _render(found)


def _render(found: AlertForecast) -> ForecastAnswer:
    return ForecastAnswer(
        effect=found.effect,
        message_type=found.alert.message_type,
        entity_id=found.alert.entity_id if found.has_entity else None,
        incident=found.incident.number if found.incident else None,
        is_default_routing=found.route.is_default,
        pages_somebody=found.pages_somebody,
        policies=[_policy(policy) for policy in found.policies],
        text="\n".join(found.lines),
    )


def _policy(policy: PolicyForecast) -> PolicyForecastAnswer:
    return PolicyForecastAnswer(
        path=policy.path,
        name=policy.name,
        not_started=policy.not_started,
        moments=[_moment(each) for each in policy.foresight.moments],
        ends_at=policy.foresight.ends_at,
        warnings=[each.text() for each in policy.warnings],
    )


def _moment(moment: Moment) -> MomentAnswer:
    return MomentAnswer(
        at=moment.at,
        sooner_at=moment.sooner_at,
        first_step=moment.first,
        last_step=moment.last,
        webhooks=list(moment.webhooks),
    )

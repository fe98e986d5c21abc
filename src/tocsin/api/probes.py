"""What machines ask: is it alive, is it ready, how much does it do? Without a token."""

from collections import Counter
from typing import Annotated, Final

from fastapi import Header
from pydantic import Field
from starlette.responses import Response

from tocsin.actions.certificates import Whose
from tocsin.api.declaring import for_machines
from tocsin.api.dependencies import Work
from tocsin.api.field_types import AnswerModel
from tocsin.domain.heartbeat import HeartbeatState
from tocsin.domain.webhook import DisabledReason
from tocsin.errors import TocsinError
from tocsin.metrics import Gauges
from tocsin.service.readiness import Finding, reasons_not_ready, warnings
from tocsin.service.services import Health

router: Final = for_machines("probes")


class HealthAnswer(AnswerModel):
    """The process answers."""

    status: Annotated[str, Field(examples=["ok"])] = "ok"
    version: str


class FindingAnswer(AnswerModel):
    """One thing to look at."""

    code: Annotated[str, Field(examples=["steps_overdue"])]
    message: str


class ReadyAnswer(AnswerModel):
    """Whether pages go out. `reasons` say why not; `warnings` alone do not make it unready."""

    ready: bool
    reasons: list[FindingAnswer]
    warnings: list[FindingAnswer]


@router.get("/healthz", summary="Does the process answer?")
async def healthz(work: Work) -> HealthAnswer:
    """Always 200. Restart what does not answer; `/readyz` says whether it does its work."""
    return HealthAnswer(version=work.services.version)


@router.get(
    "/readyz",
    summary="Do pages go out?",
    responses={200: {"model": ReadyAnswer}, 503: {"model": ReadyAnswer}},
)
async def readyz(work: Work) -> Response:
    """503 with reasons: a step or a first attempt over 10 s late, a failed commit, a full disk."""
    try:
        health = await work.call(work.services.health)
    except TocsinError as error:
        answer = ReadyAnswer(ready=False, reasons=_render([_refusal(error)]), warnings=[])
    else:
        reasons = reasons_not_ready(health)
        answer = ReadyAnswer(
            ready=not reasons, reasons=_render(reasons), warnings=_render(warnings(health))
        )
    return Response(
        answer.model_dump_json(),
        status_code=200 if answer.ready else 503,
        media_type="application/json",
    )


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(work: Work, accept: Annotated[str, Header(max_length=1024)] = "") -> Response:
    """In the text format, or as OpenMetrics if the Accept header asks for it.

    A store that does not answer is one more thing to tell: what was counted is told all the same.
    """
    services = work.services
    gauges: Gauges | str
    try:
        gauges = _gauges(await work.call(services.health))
    except TocsinError as error:
        gauges = error.code
    text, content_type = services.metrics.render(gauges, accept=accept)
    return Response(text, media_type=None, headers={"content-type": content_type})


def _gauges(health: Health) -> Gauges:
    overdue, unsent = health.oldest_overdue, health.oldest_unsent
    return Gauges(
        oldest_overdue_seconds=overdue.total_seconds() if overdue else 0.0,
        oldest_unsent_seconds=unsent.total_seconds() if unsent else 0.0,
        queue_depths=health.queue_depths,
        in_flight=health.in_flight,
        open_breakers=len(health.open_breakers),
        disabled_webhooks={
            reason.value: health.disabled_webhooks.get(reason, 0) for reason in DisabledReason
        },
        failing_webhooks=len(health.failing_webhooks),
        heartbeats={state.value: health.heartbeats.get(state, 0) for state in HeartbeatState},
        peers=Counter(each.state.value for each in health.peers),
        is_paused=health.is_paused,
        nodes={role.value: count for role, count in health.nodes.items()},
        clock_skew_seconds=health.clock_skew.total_seconds(),
        receivers_expire_at=_ends(health, Whose.RECEIVER),
        clients_expire_at=_ends(health, Whose.CLIENT),
        not_ready=[each.code for each in reasons_not_ready(health)],
        warnings=sorted({each.code for each in warnings(health)}),
    )


def _ends(health: Health, whose: Whose) -> dict[str, float]:
    return {
        each.webhook.slug: each.expires_at.timestamp()
        for each in health.certificates
        if each.whose is whose
    }


def _refusal(error: TocsinError) -> Finding:
    return Finding(error.code, error.message)


def _render(findings: list[Finding]) -> list[FindingAnswer]:
    return [FindingAnswer(code=each.code, message=each.message) for each in findings]

"""Nodes: which processes do the work, and whether all of it is somebody's."""

from typing import Annotated, Final

from pydantic import Field

from tocsin.actions.show_nodes import Node, count_living, show_nodes
from tocsin.api.access import READS
from tocsin.api.declaring import management
from tocsin.api.dependencies import Work
from tocsin.api.field_types import AnswerModel, Instant
from tocsin.domain.node import NodeState, absences
from tocsin.domain.role import Role
from tocsin.store.database import Tx

router: Final = management("nodes", prefix="/nodes")


class NodeAnswer(AnswerModel):
    """A node, by its latest run."""

    node: Annotated[str, Field(examples=["db1/2"])]
    run: Annotated[str, Field(description="The run that attempts name")]
    state: NodeState
    roles: list[Role]
    version: str
    started_at: Instant
    renewed_at: Annotated[Instant, Field(description="When it said last that it lives")]
    ended_at: Instant | None
    in_flight: Annotated[int, Field(description="Attempts under way")]
    waiting: Annotated[int, Field(description="What waits for the database")]
    cpu_percent: Annotated[int | None, Field(description="Of one core")]
    clock_skew_milliseconds: Annotated[
        float | None, Field(description="How far its machine's clock is ahead of the database's")
    ]


class NodesAnswer(AnswerModel):
    """The living nodes, and those that were gone within a day; `warnings` say what nobody does."""

    items: list[NodeAnswer]
    warnings: list[str]


@router.get("", summary="Which nodes are there?", dependencies=READS)
async def list_nodes(work: Work) -> NodesAnswer:
    """Living ones, and of those that are gone the latest run by each name; the latest start first."""
    services = work.services

    def read(tx: Tx) -> NodesAnswer:
        now = services.clock.now()
        found = show_nodes(tx, now, own_run=services.run_id, own_load=services.load())
        return NodesAnswer(
            items=[_render(node) for node in found], warnings=absences(count_living(tx, now))
        )

    return await work.read(read)


def _render(node: Node) -> NodeAnswer:
    run, load = node.run, node.run.load
    skew = load.clock_skew
    return NodeAnswer(
        node=run.node,
        run=str(run.id),
        state=node.state,
        roles=[role for role in Role if role in run.roles],
        version=run.version,
        started_at=run.started_at,
        renewed_at=run.renewed_at,
        ended_at=run.ended_at,
        in_flight=load.in_flight,
        waiting=load.waiting,
        cpu_percent=load.cpu_percent,
        clock_skew_milliseconds=None if skew is None else round(skew.total_seconds() * 1000, 3),
    )

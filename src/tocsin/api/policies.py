"""Escalation policies: who is paged, step by step."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from tocsin.actions import policies
from tocsin.actions.incident_set import Context
from tocsin.actions.policies import ConfiguredPolicy
from tocsin.api.access import READS, TeamAdministrator, may_edit_policies_of
from tocsin.api.declaring import management
from tocsin.api.dependencies import Once, Work
from tocsin.api.field_types import AnswerModel, Duration, Page, RequestModel
from tocsin.domain.configuration_file.description import DescribedPolicy, DescribedStep
from tocsin.domain.policy import MOST_REPEATS, MOST_STEPS, NEXT_STEP, Repeat, check_then
from tocsin.service.editing import edit, editor_of
from tocsin.store.database import Tx

router: Final = management("policies", prefix="/policies")
TeamSlug = Annotated[str, Path(max_length=64, description="The team's slug", examples=["ops"])]
Slug = Annotated[str, Path(max_length=64, description="The policy's slug", examples=["primary"])]
MOST_TARGETS: Final = 100


class IfUndelivered(RequestModel):
    """What happens if nothing of a step was delivered in time, or all of it has ended before."""

    after: Annotated[
        Duration,
        Field(description="From the instant at which the step fires: 5s to 24h", examples=["60s"]),
    ]
    then: Annotated[
        str,
        Field(
            max_length=64,
            description="`next_step`: it fires at once. There is nothing else",
            examples=[NEXT_STEP],
        ),
    ]


class GivenStep(RequestModel):
    """A step: when, and whom it calls."""

    after: Annotated[
        Duration,
        Field(description="After the step before it; for the first, after the start"),
    ]
    webhooks: Annotated[
        list[Annotated[str, Field(max_length=64)]],
        Field(max_length=MOST_TARGETS, description="Slugs", examples=[["pager"]]),
    ]
    if_undelivered: IfUndelivered | None = None


class GivenRepeat(RequestModel):
    """How often the steps begin again after the last one, and how long after it."""

    times: Annotated[int, Field(ge=1, le=MOST_REPEATS, examples=[3])]
    after: Annotated[Duration, Field(examples=["15m"])]


class PolicyText(RequestModel):
    """What a policy is."""

    name: Annotated[str, Field(min_length=1, max_length=200, examples=["Primary"])]
    steps: Annotated[list[GivenStep], Field(max_length=MOST_STEPS)]
    repeat: GivenRepeat | None = None
    slug: Annotated[
        str | None, Field(max_length=64, description="Left out: made of the name, or as it was")
    ] = None


class ChangedPolicyText(PolicyText):
    """What a policy is to be."""

    made_from: Annotated[
        int | None,
        Field(
            ge=1,
            le=2**31 - 1,
            description="The `version` that was edited; refused with `changed_meanwhile` if another is in force",
        ),
    ] = None


class NewPolicy(PolicyText):
    """A policy to make."""

    team: Annotated[str, Field(max_length=64, examples=["ops"])]


class IfUndeliveredAnswer(AnswerModel):
    """When the next step fires at once: nothing of this one was delivered in time."""

    after: Duration
    then: str


class StepAnswer(AnswerModel):
    """A step; `at` is its time from the start of an escalation."""

    after: Duration
    at: Duration
    webhooks: list[str]
    if_undelivered: IfUndeliveredAnswer | None


class RepeatAnswer(AnswerModel):
    """How often the steps begin again."""

    times: int
    after: Duration


class PolicyAnswer(AnswerModel):
    """A policy with its current version; an escalation that runs keeps the one it began with."""

    path: Annotated[str, Field(examples=["ops/primary"])]
    team: str
    slug: str
    name: str
    version: int
    steps: list[StepAnswer]
    repeat: RepeatAnswer | None


class ChangedPolicy(PolicyAnswer):
    """A policy as it is now, and whether that is new."""

    changed: bool


@router.get("", summary="List policies", dependencies=READS)
async def list_policies(work: Work) -> Page[PolicyAnswer]:
    """All policies, in order of team and slug."""
    found = await work.read(policies.list_policies)
    return Page(items=[PolicyAnswer(**_render(each)) for each in found])


@router.get("/{team}/{slug}", summary="Show a policy", dependencies=READS)
async def get_policy(work: Work, team: TeamSlug, slug: Slug) -> PolicyAnswer:
    found = await work.read(lambda tx: policies.get_policy(tx, f"{team}/{slug}"))
    return PolicyAnswer(**_render(found))


@router.post(
    "", summary="Make a policy", status_code=201, responses={201: {"model": ChangedPolicy}}
)
async def create_policy(
    principal: TeamAdministrator, work: Work, once: Once, new: NewPolicy
) -> Response:
    """A team administrator's token does it for their teams, as changing and deleting."""
    may_edit_policies_of(principal, new.team)

    def create(tx: Tx, context: Context) -> ChangedPolicy:
        made = policies.create_policy(
            tx,
            team=new.team,
            name=new.name,
            slug=new.slug,
            steps=_steps(new),
            repeat=_repeat(new),
            editor=editor_of(work, context, principal),
        )
        return ChangedPolicy(**_render(made), changed=True)

    return await once.run(create)


@router.put("/{team}/{slug}", summary="Say anew what a policy is")
async def change_policy(
    principal: TeamAdministrator, work: Work, team: TeamSlug, slug: Slug, text: ChangedPolicyText
) -> ChangedPolicy:
    """Other steps make a new version. Escalations that run keep theirs."""
    changed_policy, changed = await edit(
        work,
        principal,
        lambda tx, editor: policies.update_policy(
            tx,
            f"{team}/{slug}",
            name=text.name,
            new_slug=text.slug,
            steps=_steps(text),
            repeat=_repeat(text),
            made_from=text.made_from,
            editor=editor,
        ),
    )
    return ChangedPolicy(**_render(changed_policy), changed=changed)


@router.delete("/{team}/{slug}", summary="Delete a policy", status_code=204)
async def delete_policy(
    principal: TeamAdministrator, work: Work, team: TeamSlug, slug: Slug
) -> None:
    """Refused with `still_needed` while a routing key leads to it."""
    path = f"{team}/{slug}"
    await edit(work, principal, lambda tx, editor: policies.delete_policy(tx, path, editor=editor))


def _steps(text: PolicyText) -> list[DescribedStep]:
    return [
        DescribedStep(step.after, tuple(step.webhooks), _patience(step.if_undelivered))
        for step in text.steps
    ]


def _patience(given: IfUndelivered | None) -> timedelta | None:
    if given is None:
        return None
    check_then(given.then)
    return given.after


def _repeat(text: PolicyText) -> Repeat | None:
    return Repeat(times=text.repeat.times, after=text.repeat.after) if text.repeat else None


def _render(configured: ConfiguredPolicy) -> dict[str, Any]:
    described = configured.described
    repeat = described.repeat
    return {
        "path": described.path,
        "team": described.team,
        "slug": described.slug,
        "name": described.name,
        "version": configured.policy.current.number,
        "steps": render_steps(described),
        "repeat": RepeatAnswer(times=repeat.times, after=repeat.after) if repeat else None,
    }


def render_steps(described: DescribedPolicy) -> list[StepAnswer]:
    """Return the steps, each with its time from the start."""
    at = timedelta()
    answers = []
    for step in described.steps:
        at += step.after
        answers.append(
            StepAnswer(
                after=step.after,
                at=at,
                webhooks=list(step.webhooks),
                if_undelivered=step.if_undelivered
                and IfUndeliveredAnswer(after=step.if_undelivered, then=NEXT_STEP),
            )
        )
    return answers

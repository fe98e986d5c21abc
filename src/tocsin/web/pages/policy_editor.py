"""The editor of policies: one form, which each of its buttons sends; nothing typed is ever lost."""

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from starlette.responses import Response

from tocsin.actions.edit_policies import Preview, preview
from tocsin.actions.editor import Editor
from tocsin.actions.policies import (
    ChangedMeanwhile,
    ConfiguredPolicy,
    create_policy,
    get_policy,
    update_policy,
)
from tocsin.actions.show_policies import show_policy
from tocsin.actions.show_teams import require_team
from tocsin.domain.policy_difference import Plan, plan_differences
from tocsin.domain.policy_draft import (
    PolicyDraft,
    StepDraft,
    draft_of,
    draft_of_form,
    first_draft,
    rearrange,
)
from tocsin.errors import TocsinError
from tocsin.service.editing import edit
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx
from tocsin.web.axis import lay_out
from tocsin.web.page_slugs import check_page_slug
from tocsin.web.pages.policies import path_of
from tocsin.web.route import Access, Route
from tocsin.web.visit import Visit

_SAVE: Final = "save"
MOST_OPTIONS: Final = 250
"""Up to so many stand in the lists of all steps; where there would be more, they are offered once, for all inputs."""


LARGEST_STEPS: Final = 40
LARGEST_LISTS: Final = 140
"""Of whom the steps call, with an empty one for each: a page of more would be slow to open, and to read."""


class PolicyTooLong(TocsinError):
    """A policy of more steps and webhooks than a form shows."""

    code: ClassVar[str] = "policy_too_long"
    status_hint: ClassVar[int] = 422

    def __init__(self) -> None:
        super().__init__(
            f"The form takes {LARGEST_STEPS} steps, and {LARGEST_LISTS - LARGEST_STEPS} webhooks in all: a longer policy is "
            "changed as text, with `tocsin export` and `tocsin apply`, or through the API"
        )


@dataclass(frozen=True, slots=True)
class Conflict:
    """What somebody else saved meanwhile, and how what is typed here differs from it."""

    version: int
    made_from: int
    made_by: str | None
    theirs: tuple[str, ...]
    """What differs between the version that was edited here and theirs."""
    from_theirs: tuple[str, ...]
    """What saving this would change about theirs."""


async def begin_policy(visit: Visit) -> Response:
    """Raises: NotConfigured, for a team that is not there."""
    team = visit.params["team"]
    await visit.work.read(lambda tx: require_team(tx, team))
    return await _form(visit, await _first(visit))


async def _first(visit: Visit) -> PolicyDraft:
    """Return what a new policy begins with: the webhook that was asked for, or the only one there is."""
    wanted = visit.query.get("webhook", "")[:64]
    if not wanted:
        configuration = await visit.work.read(visit.services.cache.current)
        slugs = [webhook.slug for webhook in configuration.webhooks.values()]
        wanted = slugs[0] if len(slugs) == 1 else ""
    return first_draft(*([wanted] if wanted else []))


async def begin_edit(visit: Visit) -> Response:
    """Raises: NotConfigured, PolicyTooLong."""
    path = path_of(visit)
    found: ConfiguredPolicy = await visit.work.read(lambda tx: get_policy(tx, path))
    draft, wanted = draft_of(found.described), visit.query.get("webhook", "")[:64]
    added = bool(wanted) and all(wanted not in step.targets for step in draft.steps)
    if added:
        draft = _with_webhook(draft, wanted)
    if _is_too_long(draft):
        raise PolicyTooLong
    return await _form(
        visit, draft, made_from=found.policy.current.number, added=wanted if added else ""
    )


def _with_webhook(draft: PolicyDraft, slug: str) -> PolicyDraft:
    first, *others = draft.steps or (StepDraft("0s"),)
    return replace(draft, steps=(replace(first, targets=(*first.targets, slug)), *others))


async def send_policy(visit: Visit) -> Response:
    """Take the form: move its steps about, or save it."""
    do = visit.form.get("do", _SAVE)
    draft = draft_of_form(visit.form)
    made_from = _number(visit.form.get("made-from", ""))
    if do != _SAVE:
        return await _rearranged(visit, draft, do, made_from)
    found = await _preview(visit, draft)
    if not found.reading.can_be_saved:
        return await _form(visit, draft, made_from=made_from, told=True, status=422)
    try:
        check_page_slug(found.reading.slug or visit.params.get("policy"), name=found.reading.name)
        if "policy" in visit.params:
            return await _save(visit, found, made_from)
        return await _make(visit, found)
    except ChangedMeanwhile as refusal:
        conflict = await _conflict(visit, found, refusal)
        return await _form(
            visit, draft, made_from=conflict.version, conflict=conflict, status=refusal.status_hint
        )
    except TocsinError as refusal:
        return await _form(
            visit, draft, made_from=made_from, refusal=refusal, status=refusal.status_hint
        )


async def _rearranged(visit: Visit, draft: PolicyDraft, do: str, made_from: int | None) -> Response:
    moved = rearrange(draft, do)
    if _is_too_long(moved):
        refusal = PolicyTooLong()
        return await _form(
            visit, draft, made_from=made_from, refusal=refusal, status=refusal.status_hint
        )
    return await _form(visit, moved, made_from=made_from, focus=_focus(moved, do))


def _focus(draft: PolicyDraft, do: str) -> str:
    """Return the id of what a keyboard goes on with: the new step, or the button of the one that moved."""
    verb, _, text = do.partition("-step-")
    number = _number(text) or 0
    match verb:
        case "add-step":
            return f"f-step-{len(draft.steps)}-after"
        case "up" if number > 2:
            return f"do-up-step-{number - 1}"
        case "up":
            return "do-down-step-1"
        case "down" if number + 1 < len(draft.steps):
            return f"do-down-step-{number + 1}"
        case "down":
            return f"do-up-step-{len(draft.steps)}"
    return ""


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


async def _make(visit: Visit, found: Preview) -> Response:
    reading = found.reading
    made, _ = await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: create_policy(
            tx,
            team=visit.params["team"],
            name=reading.name,
            slug=reading.slug,
            steps=reading.steps,
            repeat=reading.repeat,
            editor=editor,
        ),
    )
    notice = "The policy is made. No alert starts it before a routing key leads to it."
    return visit.redirect(_page_of(made), notice=notice)


async def _save(visit: Visit, found: Preview, made_from: int | None) -> Response:
    reading, path = found.reading, path_of(visit)

    def save(tx: Tx, editor: Editor) -> ConfiguredPolicy:
        lock_configuration(tx)  # from here on nobody else saves
        # A name that was not touched here is no wish to undo what somebody else has called it since.
        untouched = reading.name == visit.form.get("name-before")
        return update_policy(
            tx,
            path,
            name=get_policy(tx, path).policy.name if untouched else reading.name,
            new_slug=reading.slug,
            steps=reading.steps,
            repeat=reading.repeat,
            made_from=made_from,
            editor=editor,
        )

    saved, changed = await edit(visit.work, visit.principal, save)
    return visit.redirect(
        _page_of(saved), notice=await _saved(visit, saved, made_from, changed=changed)
    )


async def _saved(
    visit: Visit, saved: ConfiguredPolicy, made_from: int | None, *, changed: bool
) -> str:
    """Return what came of saving: which version, and what goes on with an old one."""
    number = saved.policy.current.number
    if not changed:
        return "Nothing was changed: it says what it said before."
    if number == made_from:
        return "Saved. The steps are the same, so this is no new version."
    path = saved.policy.path
    shown = await visit.work.read(
        lambda tx: show_policy(tx, visit.services.cache.current(tx), path)
    )
    old = shown.on_old_versions
    if not old.incidents:
        return f"Saved as version {number}."
    told = f"open incidents that go on with an earlier one: {old.text}. They are named below."
    return f"Saved as version {number}; {told}"


def _page_of(configured: ConfiguredPolicy) -> str:
    return f"/teams/{configured.policy.team_slug}/policies/{configured.policy.slug}"


async def _conflict(visit: Visit, found: Preview, refusal: ChangedMeanwhile) -> Conflict:
    path, reading = path_of(visit), found.reading
    shown = await visit.work.read(
        lambda tx: show_policy(tx, visit.services.cache.current(tx), path)
    )
    latest = shown.versions[0]
    made_from = int(str(refusal.fields["made_from"]))
    before = next((each for each in shown.versions if each.number == made_from), None)
    mine = Plan(reading.steps, reading.repeat)
    return Conflict(
        version=latest.number,
        made_from=made_from,
        made_by=latest.made_by,
        theirs=plan_differences(before.plan, latest.plan) if before else (),
        from_theirs=plan_differences(latest.plan, mine),
    )


async def show_preview(visit: Visit) -> Response:
    """The words, the axis and the warnings of what is typed, for a script that asks while it is typed."""
    found = await _preview(visit, draft_of_form(visit.form))
    return visit.render("policy_preview.html", found=found, axis=lay_out(found.foresight))


def _lists(draft: PolicyDraft) -> int:
    return sum(len(step.targets) + 1 for step in draft.steps)


def _is_too_long(draft: PolicyDraft) -> bool:
    return len(draft.steps) > LARGEST_STEPS or _lists(draft) > LARGEST_LISTS


async def _preview(visit: Visit, draft: PolicyDraft) -> Preview:
    team, policy = visit.params["team"], visit.params.get("policy")

    def look(tx: Tx) -> Preview:
        return preview(tx, visit.services.cache.current(tx), draft, team=team, policy=policy)

    return await visit.work.read(look)


async def _form(
    visit: Visit,
    draft: PolicyDraft,
    *,
    made_from: int | None = None,
    refusal: TocsinError | None = None,
    conflict: Conflict | None = None,
    told: bool = False,
    added: str = "",
    focus: str = "",
    status: int = 200,
) -> Response:
    """`told`: mistakes are shown beside their fields, because somebody tried to save."""
    found = await _preview(visit, draft)
    team, policy = visit.params["team"], visit.params.get("policy", "")
    here = f"/teams/{team}/policies"
    return visit.render(
        "policy_form.html",
        team=team,
        policy=policy,
        here=f"{here}/{policy}/edit" if policy else f"{here}/new",
        preview_at=f"{here}/{policy}/preview" if policy else f"{here}/preview",
        back=f"{here}/{policy}" if policy else f"/teams/{team}",
        draft=draft,
        found=found,
        axis=lay_out(found.foresight),
        mistakes=found.reading.mistakes if told else {},
        made_from=made_from,
        name_before=visit.form.get("name-before", draft.name),
        refusal=refusal,
        conflict=conflict,
        added=added,
        focus=focus,
        is_long=len(found.choices) * _lists(draft) > MOST_OPTIONS,
        status=status,
    )


_POLICIES: Final = "/teams/{team}/policies"
ROUTES: Final = (
    Route(f"{_POLICIES}/new", "GET", Access.TEAM, begin_policy),
    Route(f"{_POLICIES}/new", "POST", Access.TEAM, send_policy),
    Route(f"{_POLICIES}/preview", "POST", Access.TEAM, show_preview),
    Route(f"{_POLICIES}/{{policy}}/edit", "GET", Access.TEAM, begin_edit),
    Route(f"{_POLICIES}/{{policy}}/edit", "POST", Access.TEAM, send_policy),
    Route(f"{_POLICIES}/{{policy}}/preview", "POST", Access.TEAM, show_preview),
)

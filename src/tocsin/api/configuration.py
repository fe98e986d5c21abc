"""The configuration as one file: applied as a whole, and given back."""

from typing import Annotated, Final

from fastapi import Query
from pydantic import Field, JsonValue
from starlette.responses import Response

from tocsin.actions import changes
from tocsin.actions.apply import apply, plan, read_configuration_file
from tocsin.actions.export import export
from tocsin.api.access import ADMINISTERS, READS, Administrator
from tocsin.api.declaring import management
from tocsin.api.dependencies import USUAL_LIMIT, Cursor, Limit, Work
from tocsin.api.field_types import AnswerModel, Instant, Line, Page, RequestModel
from tocsin.domain.configuration_file.merging import Difference
from tocsin.domain.configuration_file.reading import no_file
from tocsin.domain.configuration_file.report import (
    ApplyReport,
    difference_lines,
    effect_of,
    report_text,
)
from tocsin.service.cursors import read_cursor, split_page
from tocsin.service.editing import edit
from tocsin.store.changes import Change

router: Final = management("configuration")


class FileToApply(RequestModel):
    """A configuration file."""

    text: Annotated[
        str,
        Field(
            description="YAML",
            examples=["teams:\n  ops:\n    name: Operations\n"],
        ),
    ]
    filename: Annotated[Line, Field(description="How mistakes call the file")] = "configuration"
    files: Annotated[
        dict[str, str],
        Field(
            default_factory=dict,
            description="What other files hold that the text names, such as `ca_bundle_file`: each "
            "by the path as the text writes it. The server reads no file of its own",
        ),
    ]
    dry_run: Annotated[bool, Field(description="Say what would differ; change nothing")] = False
    prune: Annotated[bool, Field(description="Delete what the file's sections do not mention")] = (
        False
    )


class DifferenceAnswer(AnswerModel):
    """What differs about one object."""

    kind: Annotated[str, Field(examples=["policy"])]
    key: Annotated[str, Field(examples=["ops/primary"])]
    effect: Annotated[str, Field(description="created, changed or deleted")]
    lines: Annotated[list[str], Field(description="For people")]


class ApplyAnswer(AnswerModel):
    """What applying the file did, or would do."""

    changed: bool
    dry_run: bool
    differences: list[DifferenceAnswer]
    warnings: list[str]
    keys: Annotated[
        dict[str, str],
        Field(description="Alert keys that were made, by name: shown this once"),
    ]
    text: Annotated[str, Field(description="The same without the keys, for people")]


class ChangeAnswer(AnswerModel):
    """Who changed what. `before` and `after` hold what differs, and never a secret."""

    at: Instant
    actor: Annotated[str, Field(examples=["token:local"])]
    action: Annotated[str, Field(examples=["policy.changed"])]
    object: Annotated[str, Field(examples=["ops/primary"])]
    before: dict[str, JsonValue]
    after: dict[str, JsonValue]
    secrets: Annotated[
        list[str], Field(description="Fields that changed and whose values are not told")
    ]


@router.post("/configuration/apply", summary="Apply a configuration file")
async def apply_file(principal: Administrator, work: Work, given: FileToApply) -> ApplyAnswer:
    """All of it in one transaction, or nothing. Applied again, it changes nothing.

    Mistakes are refused all at once with `configuration_mistakes`, each a line of the message.
    """
    file = read_configuration_file(
        given.text.encode(errors="replace"),
        name=given.filename,
        read_file=lambda path: given.files[path] if path in given.files else no_file(path),
    )
    services = work.services
    if given.dry_run:
        report = await work.read(
            lambda tx: plan(
                tx,
                file,
                vault=services.vault,
                networks=services.networks,
                now=services.clock.now(),
                public_url=services.set_public_url,
                prune=given.prune,
            )
        )
        return _render(report, dry_run=True)
    report, _ = await edit(
        work, principal, lambda tx, editor: apply(tx, file, editor=editor, prune=given.prune)
    )
    await services.keyring.refresh()
    return _render(report, dry_run=False)


@router.get(
    "/configuration/export",
    summary="Give the configuration back as a file",
    dependencies=ADMINISTERS,
    response_class=Response,
    responses={200: {"content": {"application/yaml": {"schema": {}}}}},
)
async def export_file(
    work: Work,
    secrets: Annotated[bool, Query(description="Auth codes and client keys, too")] = False,  # noqa: FBT002 - a query parameter
) -> Response:
    """Applied here, it changes nothing."""
    vault = work.services.vault
    text = await work.read(lambda tx: export(tx, vault, with_secrets=secrets))
    return Response(text, media_type="application/yaml")


@router.get(
    "/changes",
    summary="List changes of the configuration, and who saw secrets or sent deliveries again",
    dependencies=READS,
)
async def list_changes(
    work: Work, limit: Limit = USUAL_LIMIT, cursor: Cursor = None
) -> Page[ChangeAnswer]:
    """Newest first."""
    before = read_cursor(cursor)
    found = await work.read(lambda tx: changes.list_changes(tx, limit=limit + 1, before=before))
    page, next_cursor = split_page(found, limit, lambda change: change.id)
    return Page(items=[_change(each) for each in page], next_cursor=next_cursor)


def _render(report: ApplyReport, *, dry_run: bool) -> ApplyAnswer:
    return ApplyAnswer(
        changed=report.is_changed and not dry_run,
        dry_run=dry_run,
        differences=[_difference(each) for each in report.differences],
        warnings=[advice.text() for advice in report.warnings],
        keys={name: key.reveal() for name, key in report.made_keys.items()},
        text=report_text(report, is_dry_run=dry_run),
    )


def _difference(difference: Difference) -> DifferenceAnswer:
    return DifferenceAnswer(
        kind=difference.kind.value,
        key=difference.key,
        effect=effect_of(difference),
        lines=list(difference_lines(difference)),
    )


def _change(change: Change) -> ChangeAnswer:
    return ChangeAnswer(
        at=change.at,
        actor=change.actor,
        action=change.action,
        object=change.object,
        before=dict(change.before),
        after=dict(change.after),
        secrets=list(change.secrets),
    )

"""Applying a configuration file: all of it in one transaction, or nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.actions.carry_out import carry_out
from tocsin.actions.configuration_file.yaml_tree import read_tree
from tocsin.actions.editor import Editor
from tocsin.actions.in_force import InForce, read_in_force
from tocsin.actions.webhook_certificates import mistakes_alone, mistakes_in_force
from tocsin.domain.configuration_file.advice import Advice, Concern
from tocsin.domain.configuration_file.checking import find_advice, find_missing
from tocsin.domain.configuration_file.description import ObjectKind, place_of
from tocsin.domain.configuration_file.merging import Merged, merge
from tocsin.domain.configuration_file.mistakes import ConfigurationMistakes, Mistake
from tocsin.domain.configuration_file.reading import (
    ConfigurationFile,
    describe,
    no_file,
    unreadable,
)
from tocsin.domain.configuration_file.report import ApplyReport
from tocsin.domain.network import Networks
from tocsin.domain.one_time_link import LinksWithoutPublicUrl
from tocsin.domain.webhook import DisabledReason
from tocsin.domain.webhook_address import WebhookAddressRefused, check_url_and_address
from tocsin.domain.webhook_url import InvalidWebhookUrl
from tocsin.store.changes import lock_configuration
from tocsin.store.database import Tx
from tocsin.vault import Vault


@dataclass(frozen=True, slots=True)
class _Plan:
    in_force: InForce
    merged: Merged
    warnings: tuple[Advice, ...]


def read_configuration_file(
    content: bytes, *, name: str, read_file: Callable[[str], str] = no_file
) -> ConfigurationFile:
    """Return what a file says, with its mistakes: needs no server, and never raises.

    `name` is how mistakes call the file; `read_file` returns what another one holds that it names.
    """
    tree = read_tree(content)
    if isinstance(tree, Mistake):
        return unreadable(name, tree)
    file = describe(tree, name=name, read_file=read_file)
    return replace(file, mistakes=(*file.mistakes, *mistakes_alone(file)))


def check(file: ConfigurationFile) -> None:
    """Refuse a file that could not be applied anywhere. Raises: ConfigurationMistakes."""
    if file.mistakes:
        raise ConfigurationMistakes(file.name, file.mistakes)


def plan(
    tx: Tx,
    file: ConfigurationFile,
    *,
    vault: Vault,
    networks: Networks,
    now: datetime,
    public_url: str | None = None,
    prune: bool = False,
) -> ApplyReport:
    """Return what applying the file would do; a dry run. Raises: ConfigurationMistakes."""
    made = _plan(tx, file, vault, networks, now=now, public_url=public_url, prune=prune)
    return ApplyReport(file.name, made.merged.differences(), made.warnings)


def apply(tx: Tx, file: ConfigurationFile, *, editor: Editor, prune: bool = False) -> ApplyReport:
    """Make what is in force what the file says. Applied again, it changes nothing.

    What the file does not mention stays; `prune` deletes it, in those parts that the file has.
    Raises: ConfigurationMistakes, with all of them; then nothing was changed.
    """
    lock_configuration(tx)
    made = _plan(
        tx,
        file,
        editor.vault,
        editor.networks,
        now=editor.now,
        public_url=editor.public_url,
        prune=prune,
    )
    differences = made.merged.differences()
    keys = carry_out(tx, made.in_force, differences, editor=editor)
    return ApplyReport(file.name, differences, made.warnings, keys)


def _plan(
    tx: Tx,
    file: ConfigurationFile,
    vault: Vault,
    networks: Networks,
    *,
    now: datetime,
    public_url: str | None,
    prune: bool,
) -> _Plan:
    in_force = read_in_force(tx, vault)
    merged = merge(in_force.description, file, prune=prune)
    mistakes = [
        *file.mistakes,
        *merged.mistakes,
        *find_missing(merged, file),
        *_unreachable(file, networks),
        *(_with_links(file) if public_url is None else ()),
    ]
    if not mistakes:  # else some of them would be told twice
        mistakes += mistakes_in_force(file, merged, now=now)
    if mistakes:
        raise ConfigurationMistakes(file.name, mistakes)
    return _Plan(in_force, merged, (*find_advice(merged.after), *_stay_gone(in_force, merged)))


def _stay_gone(in_force: InForce, merged: Merged) -> Iterator[Advice]:
    """Yield what the engine disabled and the file does not enable."""
    renamed = merged.renamed.get(ObjectKind.WEBHOOK, {})
    for was, webhook in in_force.webhooks.items():
        slug = renamed.get(was, was)
        after = merged.after.webhooks.get(slug)
        if webhook.disabled_reason is DisabledReason.GONE and after and not after.enabled:
            text = f"it stays disabled, {DisabledReason.GONE.clause}; enable it when it takes pages"
            yield Advice(place_of(ObjectKind.WEBHOOK, slug), text, Concern.STAYS_DISABLED)


def _with_links(file: ConfigurationFile) -> Iterator[Mistake]:
    """Yield the webhooks whose links would lead nowhere."""
    for slug, webhook in file.description.webhooks.items():
        if webhook.options.links:
            place = f"{place_of(ObjectKind.WEBHOOK, slug)}.links"
            yield file.mistake(place, LinksWithoutPublicUrl().message)


def _unreachable(file: ConfigurationFile, networks: Networks) -> list[Mistake]:
    found = []
    for slug, webhook in file.description.webhooks.items():
        try:
            check_url_and_address(webhook.url, networks)
        except WebhookAddressRefused as refusal:
            place = f"{place_of(ObjectKind.WEBHOOK, slug)}.url"
            found.append(file.mistake(place, refusal.message))
        except InvalidWebhookUrl:
            continue  # reading the file has found that already
    return found

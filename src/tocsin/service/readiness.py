"""Whether this process does what it is for, judged from facts."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tocsin.domain.node import absences
from tocsin.domain.timeline_sentence import not_reached_text
from tocsin.domain.watch import WatchState
from tocsin.domain.webhook import DisabledReason
from tocsin.domain.wording import counted, listed
from tocsin.service.services import Health

TOO_LATE: Final = timedelta(seconds=10)
LEAST_FREE_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a stable code, and a sentence that says what to do."""

    code: str
    message: str


def reasons_not_ready(health: Health) -> list[Finding]:
    """Return why pages may not go out; empty when all is well."""
    return list(_reasons(health))


def warnings(health: Health) -> list[Finding]:
    """Return what an administrator should look at, though pages go out."""
    found = []
    if health.links_lead_nowhere:
        text = "A webhook asks for links, which are left out: set TOCSIN_PUBLIC_URL"
        found.append(Finding("links_without_public_url", text))
    if not health.has_default_routing:
        text = "An alert under an unknown routing key pages nobody; set the default routing"
        found.append(Finding("no_default_routing", text))
    gone = health.disabled_webhooks.get(DisabledReason.GONE, 0)
    if gone:
        cause = "its receiver" if gone == 1 else "their receivers"
        text = f"{counted(gone, 'webhook is', 'webhooks are')} disabled, because {cause} answered 410 (Gone); enable it when it takes pages again, or give its steps another one"
        found.append(Finding("webhooks_gone", text))
    if health.open_breakers:
        held = health.open_breakers
        text = (
            f"{counted(len(held), 'webhook fails', 'webhooks fail')} again and again, and what is "
            f"sent there is held back, but for probes: {listed(held)}; look at the receiver"
        )
        found.append(Finding("breakers_open", text))
    if health.failing_webhooks:
        failing = health.failing_webhooks
        text = (
            f"{counted(len(failing), 'webhook has', 'webhooks have')} failed again and again over ten "
            f"minutes or more: {listed(failing)}; look at what was answered"
        )
        found.append(Finding("webhooks_failing", text))
    if health.newer_schema and not health.cannot_go_on:
        text = f"A newer node has brought the database to revision {health.newer_schema}, with which this one goes on; upgrade it, too"
        found.append(Finding("newer_schema", text))
    found += [Finding("role_missing", text) for text in absences(health.nodes)]
    if health.is_paused:
        text = "Nothing fires and nothing is sent until somebody resumes"
        found.append(Finding("paused", text))
    found += [
        Finding("peer_not_reached", not_reached_text(each.name, each.cause))
        for each in health.peers
        if each.state is WatchState.FAILING
    ]
    found += [Finding("certificate_ending", text) for text in health.certificates_ending]
    return found


def _reasons(health: Health) -> Iterator[Finding]:
    if health.commit_error is not None:
        text = f"The last commit failed ({health.commit_error}); look at the database and its disk"
        yield Finding("commit_failed", text)
    if health.is_out_of_touch:
        text = "This node could not reach the database for 5 s, so others take over what it sends; look at the network between them"
        yield Finding("out_of_touch", text)
    if health.clock_jumped is not None:
        seconds = health.clock_jumped.total_seconds()
        text = f"The clock of the database, or of this machine if it is SQLite, jumped by {seconds:+.0f} s, so nothing fires here until two measurements agree, within 10 s; look at that machine's time service"
        yield Finding("clock_jumped", text)
    if health.cannot_go_on is not None:
        yield Finding("newer_schema", health.cannot_go_on)
    if health.free_bytes is not None and health.free_bytes < LEAST_FREE_BYTES:
        text = f"The database's disk has {health.free_bytes // 2**20} MiB left; make room"
        yield Finding("disk_nearly_full", text)
    if health.poisoned:
        items = counted(health.poisoned, "item fails", "items fail")
        text = f"{items} again and again; incidents tocsin/poison/... and the log say why"
        yield Finding("poison", text)
    if health.is_paused:
        return  # what waits, waits because somebody said so
    for code, what, age in (
        ("steps_overdue", "A step has been due", health.oldest_overdue),
        ("deliveries_unsent", "A delivery has waited for its first attempt", health.oldest_unsent),
    ):
        if age is not None and age > TOO_LATE:
            text = f"{what} for {age.total_seconds():.0f} s; the log says what the engine does"
            yield Finding(code, text)

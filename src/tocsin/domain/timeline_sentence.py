"""What a timeline entry says to a person: one sentence for each kind."""

from datetime import datetime, timedelta
from typing import Any, assert_never

from tocsin.domain.actor import name_of_actor
from tocsin.domain.answer_action import AnswerDecision
from tocsin.domain.breaker import Closing
from tocsin.domain.delivery import DeliveryState, Ending
from tocsin.domain.escalation import Hurry
from tocsin.domain.outcome import Outcome, explain
from tocsin.domain.poison import Poison
from tocsin.domain.send_again import Resending
from tocsin.domain.timeline import Kind, TimelineEntry
from tocsin.domain.webhook import DisabledReason
from tocsin.domain.wording import (
    counted,
    date_text,
    days_text,
    instant_text,
    lateness_text,
    length_text,
    listed,
)

Detail = dict[str, Any]

_NOT_STARTED = {
    "policy_is_empty": "it has no steps",
    "webhooks_disabled": "every webhook of it is disabled or deleted",
    "policy_deleted": "it was deleted",
}
_SKIPPED = {
    "webhook_disabled": "it is disabled",
    "webhook_deleted": "it was deleted",
}
_CERTIFICATE_OF = {
    "receiver": "The certificate of the receiver of",
    "client": "The client certificate of",
}
_NOBODY_LEFT = {
    "last_step_fired": "the last step has fired",
    "nothing_started": "no policy could be started",
}


def sentence(entry: TimelineEntry) -> str:  # noqa: PLR0911, PLR0912, C901 - one arm for each kind
    """Return what an entry says. Its detail names things as people do: slugs, paths, places, ids."""
    by, detail = name_of_actor(entry.actor), entry.detail
    match entry.kind:
        case Kind.OPENED:
            return f"Opened by {by} with {_alert(detail)}; {_starts(detail)}."
        case Kind.ROLLED_UP:
            note = f"; it {detail['note']}" if "note" in detail else ""
            return f"{_alert(detail).capitalize()} from {by} rolled up{note}."
        case Kind.RECORDED:
            return f"{_alert(detail).capitalize()} from {by} was recorded; it changed nothing."
        case Kind.ACKNOWLEDGED:
            return f"Acknowledged by {by}{_said(detail)}.{_in_flight(detail)}"
        case Kind.HELD:
            until = instant_text(datetime.fromisoformat(detail["until"]))
            return f"Held by {by} until {until}{_said(detail)}.{_in_flight(detail)}"
        case Kind.HOLD_ENDED:
            return f"The hold ended, {_lateness(entry)}; {_starts(detail)}."
        case Kind.REOPENED:
            return f"Reopened by {by}{_said(detail)}; {_starts(detail)}."
        case Kind.RESOLVED:
            return f"Resolved by {by}{_said(detail)}.{_in_flight(detail)}"
        case Kind.REROUTED:
            return f"Rerouted by {by}{_said(detail)}; {_starts(detail)}.{_in_flight(detail)}"
        case Kind.MOVED:
            return f"{_moved(detail, by)}.{_in_flight(detail)}"
        case Kind.NOTED:
            return f"{by} notes: {detail['text']}"
        case Kind.NOT_STARTED:
            return f"{_policy(detail)} was not started: {not_started_text(detail['reason'])}."
        case Kind.TARGET_SKIPPED:
            return _skipped(entry)
        case Kind.REACHED_NOBODY:
            return _reached_nobody(detail)
        case Kind.SENT_AGAIN:
            return _sent_again(detail, by)
        case Kind.NOBODY_LEFT:
            return f"Nobody is left to page: {_NOBODY_LEFT[detail['reason']]}."
        case Kind.PAGED:
            return _paged(entry)
        case Kind.FOLLOWED_UP:
            told = [each["webhook"] for each in detail["deliveries"]]
            verb = "is" if len(told) == 1 else "are"
            return f"{listed(told)} {verb} told that it was {detail['follow_up']}."
        case Kind.ATTEMPTED:
            return _attempted(detail)
        case Kind.POISONED:
            again = instant_text(datetime.fromisoformat(detail["until"]))
            return f"{_poisoned(detail)} ({detail['error']}); it is tried again at {again}."
        case Kind.WEBHOOK_DISABLED:
            return _disabled(detail)
        case Kind.BREAKER_OPENED:
            return _opened(detail)
        case Kind.BREAKER_CLOSED:
            return f"The breaker of {detail['webhook']} is closed: {_closed(detail, by)}."
        case Kind.WEBHOOK_FAILING:
            return failing_text(
                detail["webhook"],
                detail["failures"],
                datetime.fromisoformat(detail["since"]),
                detail["cause"],
            )
        case Kind.WEBHOOK_WORKS_AGAIN:
            return f"{detail['webhook']} works again: its receiver answered 2xx."
        case Kind.PAUSED:
            return f"Paused by {by}: nothing fires and nothing is sent."
        case Kind.UNPAUSED:
            return f"Resumed by {by}."
        case Kind.CERTIFICATE_ENDING:
            return ending_text(
                detail["webhook"],
                detail["whose"],
                detail["issuer"],
                datetime.fromisoformat(detail["expires_at"]),
                entry.at,
            )
        case Kind.AUTH_CODE_PROMOTED:
            return f"{by} put the pending auth code of {detail['webhook']} in force."
        case Kind.PEER_REACHED:
            return f"The peer {detail['peer']} is called again, and answers."
        case Kind.PEER_NOT_REACHED:
            return not_reached_text(detail["peer"], detail["cause"])
        case Kind.PEER_NOT_CALLED:
            return f"The peer {detail['peer']} is not called, and will page: {detail['cause']}."
        case Kind.NODE_JOINED:
            return f"Node {detail['node']} started, with version {detail['version']}."
        case Kind.NODE_CAME_BACK:
            return f"Node {detail['node']} is back: it had been taken for dead, and goes on."
        case Kind.NODE_LEFT:
            return f"Node {detail['node']} stopped."
        case Kind.NODE_FELL_SILENT:
            return f"Node {detail['node']} fell silent; others send what it was sending."
    assert_never(entry.kind)


def not_reached_text(peer: str, cause: str) -> str:
    """Return that a peer of the mutual watch cannot be called, and what comes of it."""
    return (
        f"The peer {peer} cannot be called, and will page that this installation is silent: "
        f"{cause.removesuffix('.')}."
    )


def ending_text(webhook: str, whose: str, issuer: str, expires_at: datetime, now: datetime) -> str:
    """Return that a certificate ends soon, or has ended, and what is to be done about it."""
    ends = f"ends in {days_text(expires_at - now)}"
    if expires_at <= now:
        ends = f"ended {days_text(now - expires_at)} ago"
    return (
        f"{_CERTIFICATE_OF[whose]} {webhook}, issued by {issuer}, {ends}, at {date_text(expires_at)}: "
        "renew it, or nothing reaches that receiver any more."
    )


def failing_text(webhook: str, failures: int, since: datetime, cause: str) -> str:
    """Return that a webhook fails again and again, and how it failed last."""
    count = counted(failures, "attempt has", "attempts have")
    return (
        f"{webhook} is failing: {count} failed since {instant_text(since)}, without a 2xx between, the "
        f"last with {cause.removesuffix('.')}."
    )


def not_started_text(reason: str) -> str:
    """Return why a policy was not started."""
    return _NOT_STARTED[reason]


def outcome_text(outcome: str | None, status: int | None, *, took: timedelta | None = None) -> str:
    """Return what became of an attempt in a few words, and after how long."""
    if outcome is None:
        return "under way"
    answered = f" (HTTP {status})" if status else ""
    after = "" if took is None else f" after {length_text(took)}"
    return f"{Outcome(outcome).value.replace('_', ' ')}{answered}{after}"


def attempt_text(
    outcome: str | None,
    status: int | None,
    *,
    found: str | None = None,
    took: timedelta | None = None,
) -> str:
    """Return what became of an attempt, and after how long, with the likely cause where it failed.

    `found` is the cause that was found out about this very attempt, if it was.
    """
    text = outcome_text(outcome, status, took=took)
    if outcome is None or Outcome(outcome).is_delivered:
        return text
    cause = (found or explain(Outcome(outcome), status or 0)).removesuffix(".")
    return f"{text}: {cause}"


def _alert(detail: Detail) -> str:
    return f"alert {detail['alert']}"


def _starts(detail: Detail) -> str:
    # Where some cannot start, entries of their own say why.
    if "starts" in detail:
        return f"it starts {listed(detail['starts'], nothing='no policy')}"
    return f"it starts {listed(detail['policies'], nothing='no policy, as none is set')}"


def _said(detail: Detail) -> str:
    answer = f", in its answer to {detail['delivery']}" if "delivery" in detail else ""
    return answer + (
        f", who says: {detail['message'].removesuffix('.')}" if "message" in detail else ""
    )


def _moved(detail: Detail, by: str) -> str:
    return (
        f"{detail['policy']} was moved by {by} from version {detail['from_version']} to version "
        f"{detail['to_version']}{_said(detail)}; it starts at step 1"
    )


def _in_flight(detail: Detail) -> str:
    count: int = next((detail[key] for key in detail if key.startswith("in_flight")), 0)
    if not count:
        return ""
    return f" {counted(count, 'attempt was', 'attempts were')} under way and could not be recalled."


def _policy(detail: Detail) -> str:
    return str(detail.get("policy") or "A policy")


def _place(detail: Detail) -> str:
    return f"{_policy(detail)}, {detail['place']},"


def _skipped(entry: TimelineEntry) -> str:
    detail = entry.detail
    webhook = detail["webhook"] or "a webhook"
    if "skip_if_late" in detail:
        return (
            f"{_place(detail)} did not call {webhook}: it would have been {_lateness(entry)}, and its "
            f"skip_if_late is {detail['skip_if_late']} ({detail['delivery']}). "
            "It can be sent all the same, by hand"
        )
    reason = detail.get("disabled_reason")
    cause = f", {DisabledReason(reason).clause}" if reason else ""
    if "follow_up" in detail:
        return f"{webhook} is not told that it was {detail['follow_up']}: {_SKIPPED[detail['reason']]}{cause}."
    return f"{_place(detail)} did not call {webhook}: {_SKIPPED[detail['reason']]}{cause}."


def _reached_nobody(detail: Detail) -> str:
    hurry = Hurry(detail["reason"])
    within = ""
    if hurry is Hurry.UNDELIVERED:
        within = f" within {length_text(timedelta(seconds=detail['after_seconds']))}"
    causes = "; ".join(f"{each['webhook']} {_cause(each)}" for each in detail["unreached"])
    why = f" ({causes})" if causes else ""
    return f"{_place(detail)} reached nobody{within}{why}, so the next step fired at once."


def _cause(delivery: Detail) -> str:
    """Return what became of a delivery, in a few words."""
    if delivery["end_reason"] == Ending.SKIPPED_LATE:
        return "was skipped, as it was too late"
    if delivery["outcome"] is None:
        is_under_way = delivery["state"] == DeliveryState.SENDING
        return "has not answered yet" if is_under_way else "has not been called yet"
    return outcome_text(delivery["outcome"], delivery["status"])


def _disabled(detail: Detail) -> str:
    since = instant_text(datetime.fromisoformat(detail["since"]))
    answers = f"its receiver answered 410 (Gone) {detail['gone']} times since {since}"
    return (
        f"{detail['webhook']} was disabled: {answers}, without a 2xx between. No step calls it until "
        "somebody enables it"
    )


def _opened(detail: Detail) -> str:
    since = instant_text(datetime.fromisoformat(detail["since"]))
    return (
        f"The breaker of {detail['webhook']} is open: {detail['failures']} attempts failed since {since}, without "
        "a 2xx between. First attempts are held for 10 seconds at most; others wait until one is delivered."
    )


def _closed(detail: Detail, by: str) -> str:
    match Closing(detail["reason"]):
        case Closing.DELIVERED:
            return "its receiver answered 2xx, so what waits for it is sent"
        case Closing.CHANGED:
            return f"{by} changed or enabled it, so what waits for it is sent"
        case Closing.DISABLED:
            return f"{by} disabled it, so what waits for it is given up"
        case Closing.DELETED:
            return f"{by} deleted it, so what waits for it is given up"


def _poisoned(detail: Detail) -> str:
    match Poison(detail.get("what", Poison.STEP)):
        case Poison.STEP:
            return f"{_place(detail)} could not be fired"
        case Poison.HOLD:
            return "The hold is over and could not be ended"
        case Poison.DELIVERY:
            return f"{detail['delivery']} to {detail['webhook']} could not be sent"
        case Poison.OUTCOME:
            attempt = f"attempt {detail['attempt']} to {detail['webhook']}"
            return f"What became of {attempt} could not be recorded"


_RESENDINGS = {
    Resending.PENDING_AGAIN: "which had failed, is sent again",
    Resending.BROUGHT_FORWARD: "which waited for its next attempt, is sent at once",
    Resending.NEW_DELIVERY: "which was delivered, is sent once more",
}


def _sent_again(detail: Detail, by: str) -> str:
    what = _RESENDINGS[Resending(detail["resending"])]
    as_ = f", as {detail['new_delivery']}" if "new_delivery" in detail else ""
    return f"{detail['delivery']} to {detail['webhook']}, {what} by {by}{as_}."


def _lateness(entry: TimelineEntry) -> str:
    return lateness_text(entry.at - (entry.planned_at or entry.at))


def _paged(entry: TimelineEntry) -> str:
    called = [each for each in entry.detail["deliveries"] if not each.get("skipped")]
    webhooks = listed([each["webhook"] for each in called])
    return f"{_place(entry.detail)} fired {_lateness(entry)}: it calls {webhooks}."


def _attempted(detail: Detail) -> str:
    # The likely cause is told with the delivery: of many attempts alike it would stand here again and again.
    what = outcome_text(detail["outcome"], detail["status"])
    took = detail.get("took_ms")
    length = "" if took is None else f" took {length_text(timedelta(milliseconds=took))}"
    said = f"; {AnswerDecision(detail['answer']).sentence}" if detail.get("answer") else ""
    attempt = f"Attempt {detail['attempt']} to {detail['webhook']}"
    return f"{attempt}{length}: {what}{said} ({detail['delivery']})."

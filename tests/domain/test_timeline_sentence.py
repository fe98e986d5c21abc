"""Every kind of timeline entry has a sentence of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tocsin.domain.breaker import Closing
from tocsin.domain.outcome import Outcome
from tocsin.domain.poison import Poison
from tocsin.domain.timeline import Kind, TimelineEntry
from tocsin.domain.timeline_sentence import attempt_text, ending_text, sentence

AT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
UNTIL = (AT + timedelta(hours=1)).isoformat()
STEP = {"policy": "ops/main", "step": 2, "cycle": 1, "place": "step 2 of 3"}


def reached(
    webhook: str,
    state: str,
    *,
    outcome: str | None = None,
    status: int | None = None,
    end_reason: str | None = None,
) -> dict[str, Any]:
    """What is kept of a delivery that reached nobody."""
    return {
        "webhook": webhook,
        "state": state,
        "end_reason": end_reason,
        "outcome": outcome,
        "status": status,
    }


DETAILS: dict[Kind, tuple[dict[str, Any], str]] = {
    Kind.OPENED: (
        {"alert": "alr_1", "policies": ["ops/a", "ops/b"]},
        "Opened by alice with alert alr_1; it starts ops/a and ops/b.",
    ),
    Kind.ROLLED_UP: ({"alert": "alr_1"}, "Alert alr_1 from alice rolled up."),
    Kind.RECORDED: (
        {"alert": "alr_1"},
        "Alert alr_1 from alice was recorded; it changed nothing.",
    ),
    Kind.ACKNOWLEDGED: (
        {"in_flight_at_acknowledge": 2},
        "Acknowledged by alice. 2 attempts were under way and could not be recalled.",
    ),
    Kind.HELD: (
        {"until": UNTIL, "in_flight_at_acknowledge": 0},
        "Held by alice until 2026-05-04 04:02:01.000Z.",
    ),
    Kind.HOLD_ENDED: (
        {"policies": ["ops/a"]},
        "The hold ended, 3 ms late; it starts ops/a.",
    ),
    Kind.REOPENED: (
        {"policies": [], "message": "again"},
        "Reopened by alice, who says: again; it starts no policy, as none is set.",
    ),
    Kind.RESOLVED: ({"in_flight_at_resolve": 0}, "Resolved by alice."),
    Kind.REROUTED: (
        {"policies": ["ops/b"], "in_flight_at_reroute": 1},
        "Rerouted by alice; it starts ops/b. 1 attempt was under way and could not be recalled.",
    ),
    Kind.MOVED: (
        {
            "policy": "ops/a",
            "from_version": 3,
            "to_version": 5,
            "in_flight_at_move": 1,
            "message": "a new step",
        },
        (
            "ops/a was moved by alice from version 3 to version 5, who says: a new step; it starts at step 1. "
            "1 attempt was under way and could not be recalled."
        ),
    ),
    Kind.NOTED: ({"text": "the disk is full"}, "alice notes: the disk is full"),
    Kind.NOT_STARTED: (
        {"policy": "ops/a", "reason": "policy_is_empty"},
        "ops/a was not started: it has no steps.",
    ),
    Kind.TARGET_SKIPPED: (
        {
            **STEP,
            "webhook": "pager",
            "reason": "webhook_disabled",
            "disabled_reason": "by_hand",
        },
        "ops/main, step 2 of 3, did not call pager: it is disabled, by an administrator.",
    ),
    Kind.REACHED_NOBODY: (
        {
            **STEP,
            "reason": "undelivered",
            "after_seconds": 60,
            "unreached": [
                reached("pager", "pending", outcome="rejected", status=503),
                reached("phone", "sending"),
                reached("boss", "pending"),
                reached("siren", "failed", end_reason="skipped_late"),
            ],
        },
        (
            "ops/main, step 2 of 3, reached nobody within 1 min (pager rejected (HTTP 503); phone has not "
            "answered yet; boss has not been called yet; siren was skipped, as it was too late), so the "
            "next step fired at once."
        ),
    ),
    Kind.SENT_AGAIN: (
        {"delivery": "dlv_1", "webhook": "pager", "resending": "pending_again"},
        "dlv_1 to pager, which had failed, is sent again by alice.",
    ),
    Kind.NOBODY_LEFT: (
        {"reason": "last_step_fired"},
        "Nobody is left to page: the last step has fired.",
    ),
    Kind.PAGED: (
        {**STEP, "deliveries": [{"webhook": "pager"}, {"webhook": "phone"}]},
        "ops/main, step 2 of 3, fired 3 ms late: it calls pager and phone.",
    ),
    Kind.FOLLOWED_UP: (
        {"follow_up": "resolved", "deliveries": [{"webhook": "pager"}, {"webhook": "page"}]},
        "pager and page are told that it was resolved.",
    ),
    Kind.ATTEMPTED: (
        {
            "delivery": "dlv_1",
            "webhook": "pager",
            "attempt": 2,
            "outcome": "delivered",
            "status": 204,
            "took_ms": 12.5,
        },
        "Attempt 2 to pager took 12 ms: delivered (HTTP 204) (dlv_1).",
    ),
    Kind.POISONED: (
        {**STEP, "error": "KeyError: 7", "until": UNTIL},
        (
            "ops/main, step 2 of 3, could not be fired (KeyError: 7); "
            "it is tried again at 2026-05-04 04:02:01.000Z."
        ),
    ),
    Kind.WEBHOOK_DISABLED: (
        {"webhook": "pager", "reason": "gone", "gone": 3, "since": UNTIL},
        (
            "pager was disabled: its receiver answered 410 (Gone) 3 times since "
            "2026-05-04 04:02:01.000Z, without a 2xx between. No step calls it until somebody "
            "enables it"
        ),
    ),
    Kind.BREAKER_OPENED: (
        {"webhook": "pager", "failures": 7, "since": UNTIL},
        (
            "The breaker of pager is open: 7 attempts failed since 2026-05-04 04:02:01.000Z, without a "
            "2xx between. First attempts are held for 10 seconds at most; others wait until one is "
            "delivered."
        ),
    ),
    Kind.BREAKER_CLOSED: (
        {"webhook": "pager", "failures": 7, "since": UNTIL, "reason": "delivered"},
        (
            "The breaker of pager is closed: its receiver answered 2xx, so what waits for it is sent."
        ),
    ),
    Kind.WEBHOOK_FAILING: (
        {
            "webhook": "pager",
            "failures": 3,
            "since": UNTIL,
            "cause": "rejected (HTTP 503): The receiver, or a proxy before it, is overloaded.",
        },
        (
            "pager is failing: 3 attempts have failed since 2026-05-04 04:02:01.000Z, without a 2xx "
            "between, the last with rejected (HTTP 503): The receiver, or a proxy before it, is overloaded."
        ),
    ),
    Kind.WEBHOOK_WORKS_AGAIN: (
        {"webhook": "pager"},
        "pager works again: its receiver answered 2xx.",
    ),
    Kind.PAUSED: ({}, "Paused by alice: nothing fires and nothing is sent."),
    Kind.UNPAUSED: ({}, "Resumed by alice."),
    Kind.CERTIFICATE_ENDING: (
        {
            "webhook": "pager",
            "whose": "receiver",
            "issuer": "Ours",
            "expires_at": (AT + timedelta(days=14)).isoformat(),
        },
        (
            "The certificate of the receiver of pager, issued by Ours, ends in 14 days, at "
            "2026-05-18 03:02Z: renew it, or nothing reaches that receiver any more."
        ),
    ),
    Kind.AUTH_CODE_PROMOTED: (
        {"webhook": "pager"},
        "alice put the pending auth code of pager in force.",
    ),
    Kind.PEER_REACHED: (
        {"peer": "https://oslo.example"},
        "The peer https://oslo.example is called again, and answers.",
    ),
    Kind.PEER_NOT_REACHED: (
        {"peer": "https://oslo.example", "cause": "HTTP 500"},
        (
            "The peer https://oslo.example cannot be called, and will page that this installation "
            "is silent: HTTP 500."
        ),
    ),
    Kind.PEER_NOT_CALLED: (
        {"peer": "https://oslo.example", "cause": "this server is paused"},
        "The peer https://oslo.example is not called, and will page: this server is paused.",
    ),
    Kind.NODE_JOINED: (
        {"node": "db-7", "version": "1.2.3"},
        "Node db-7 started, with version 1.2.3.",
    ),
    Kind.NODE_CAME_BACK: (
        {"node": "db-7"},
        "Node db-7 is back: it had been taken for dead, and goes on.",
    ),
    Kind.NODE_LEFT: ({"node": "db-7"}, "Node db-7 stopped."),
    Kind.NODE_FELL_SILENT: (
        {"node": "db-7"},
        "Node db-7 fell silent; others send what it was sending.",
    ),
}


@pytest.mark.parametrize(
    ("policies", "starts", "said"),
    [
        (["ops/a", "ops/b"], ["ops/b"], "it starts ops/b."),
        (["ops/a"], [], "it starts no policy."),
        ([], [], "it starts no policy."),
        ([], None, "it starts no policy, as none is set."),
    ],
)
def test_a_start_names_what_did_start(
    policies: list[str], starts: list[str] | None, said: str
) -> None:
    """Not what was deleted, is empty or calls nobody; and none is set only where none was."""
    detail = {"policies": policies, **({} if starts is None else {"starts": starts})}
    entry = TimelineEntry(1, 1, AT, Kind.REOPENED, "alice", detail)
    assert sentence(entry) == f"Reopened by alice; {said}"


@pytest.mark.parametrize(
    ("reason", "unreached", "said"),
    [
        (
            "all_ended",
            [reached("pager", "failed", outcome="gone", status=410)],
            " (pager gone (HTTP 410))",
        ),
        ("all_skipped", [], ""),
    ],
)
def test_a_step_that_reached_nobody_says_how(
    reason: str, unreached: list[dict[str, Any]], said: str
) -> None:
    """Its time is named only where that was over."""
    detail = {**STEP, "reason": reason, "after_seconds": 60, "unreached": unreached}
    text = sentence(TimelineEntry(1, 1, AT, Kind.REACHED_NOBODY, "engine", detail))
    assert text == f"ops/main, step 2 of 3, reached nobody{said}, so the next step fired at once."


def test_a_page_that_was_too_late_says_how_late_and_what_to_do() -> None:
    """And is not among those that the step calls."""
    detail = {
        **STEP,
        "webhook": "pager",
        "reason": "skipped_late",
        "skip_if_late": "10m",
        "delivery": "dlv_1",
    }
    entry = TimelineEntry(1, 1, AT, Kind.TARGET_SKIPPED, "engine", detail, AT - timedelta(hours=1))
    assert sentence(entry) == (
        "ops/main, step 2 of 3, did not call pager: it would have been 1 h late, and its skip_if_late is "
        "10m (dlv_1). It can be sent all the same, by hand"
    )
    called = {"deliveries": [{"webhook": "pager", "skipped": True}, {"webhook": "phone"}]}
    paged = TimelineEntry(1, 1, AT, Kind.PAGED, "engine", {**STEP, **called}, AT)
    assert sentence(paged) == "ops/main, step 2 of 3, fired on time: it calls phone."


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_says_what_happened(kind: Kind) -> None:
    """Who, what and why, in words."""
    detail, text = DETAILS[kind]
    planned_at = AT - timedelta(milliseconds=3)
    assert sentence(TimelineEntry(1, 1, AT, kind, "token:alice", detail, planned_at)) == text


@pytest.mark.parametrize(
    ("closing", "why"),
    [
        (Closing.CHANGED, "alice changed or enabled it, so what waits for it is sent"),
        (Closing.DISABLED, "alice disabled it, so what waits for it is given up"),
        (Closing.DELETED, "alice deleted it, so what waits for it is given up"),
    ],
)
def test_a_breaker_that_somebody_closed_says_who_did(closing: Closing, why: str) -> None:
    """And what becomes of that which it held."""
    detail = {"webhook": "pager", "failures": 7, "since": UNTIL, "reason": closing.value}
    entry = TimelineEntry(0, 1, AT, Kind.BREAKER_CLOSED, "token:alice", detail)
    assert sentence(entry) == f"The breaker of pager is closed: {why}."


POISON: dict[Poison, tuple[dict[str, Any], str]] = {
    Poison.STEP: (STEP, "ops/main, step 2 of 3, could not be fired"),
    Poison.HOLD: ({}, "The hold is over and could not be ended"),
    Poison.DELIVERY: (
        {"delivery": "dlv_1", "webhook": "pager"},
        "dlv_1 to pager could not be sent",
    ),
    Poison.OUTCOME: (
        {"delivery": "dlv_1", "webhook": "pager", "attempt": 2},
        "What became of attempt 2 to pager could not be recorded",
    ),
}


@pytest.mark.parametrize("what", Poison)
def test_whatever_is_poison_says_what_failed_and_when_it_is_tried_again(what: Poison) -> None:
    """With the error, which the server's log has in full."""
    facts, text = POISON[what]
    detail = {**facts, "what": what.value, "error": "KeyError: 7", "until": UNTIL}
    entry = TimelineEntry(1, 1, AT, Kind.POISONED, "engine", detail)
    assert sentence(entry) == (
        f"{text} (KeyError: 7); it is tried again at 2026-05-04 04:02:01.000Z."
    )


def test_a_certificate_that_has_ended_is_said_to_have() -> None:
    """Ours as well as a receiver's."""
    text = ending_text("pager", "client", "Ours", AT - timedelta(hours=5), AT)
    assert text.startswith("The client certificate of pager, issued by Ours, ended 5 h ago, at")


@pytest.mark.parametrize("outcome", Outcome)
def test_a_failed_attempt_names_the_likely_cause(outcome: Outcome) -> None:
    """Success needs none, and an attempt that is under way has no outcome."""
    text = attempt_text(outcome.value, 500 if outcome is Outcome.REJECTED else None)
    assert text.startswith(outcome.value.replace("_", " "))
    assert (": " in text) is not outcome.is_delivered
    assert attempt_text(None, None) == "under way"
    assert attempt_text("tls_failed", None, found="It is so.") == "tls failed: It is so"

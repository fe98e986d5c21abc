"""The story ends where something does not happen, and says what; receivers believe nobody."""

from tocsin.clock import SystemClock
from tocsin.demo.receiver import Call, Receiver
from tocsin.secret import Secret
from tocsin_receiver import MissingSignature, UnusableAuthCode


def test_a_retry_that_fails_again_is_no_success(missing: dict[str, str]) -> None:
    """A receiver that answers 500 for ever never gets the delivery, and the demo says so."""
    assert missing["fails for ever"] == (
        "Not seen to work: attempt 2 of step #1 1/3 at pager, answered 200; "
        "what came instead was attempt 2 of step #1 1/3 at pager, answered 500."
    )


def test_a_first_attempt_that_succeeds_is_not_the_story(missing: dict[str, str]) -> None:
    """Without a failure no retry can be seen, so nothing is claimed."""
    assert "attempt 1 of step #1 1/3 at pager, answered 500; what came" in missing["never fails"]


def test_a_page_after_the_acknowledgement_is_noticed(missing: dict[str, str]) -> None:
    """Where somebody reopens the incident meanwhile, a receiver is called, and silence is not claimed."""
    assert missing["reopened"] == (
        "Not seen to work: the acknowledgement did not stop step 3: it called pager."
    )


def test_a_receiver_believes_nobody() -> None:
    """Before it knows its auth code, and without a signature, a request is refused and told."""
    calls: list[Call] = []
    receiver = Receiver("pager", "/page", answers=(200,), clock=SystemClock(), tell=calls.append)
    with receiver:
        assert receiver.take({"X-VictorOps-Signature": "AAAA"}, b"incident=1") == 401
        receiver.auth_code = Secret("Zz9~Yy8-Xx7Ww6Vv5Uu4Tt3Ss2Rr1Qq0Pp9O")
        assert receiver.take({}, b"incident=1") == 401
    assert [type(call.refusal) for call in calls] == [UnusableAuthCode, MissingSignature]

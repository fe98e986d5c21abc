"""Outcomes have names, and sentences that a person can act on."""

import pytest

from tocsin.domain.outcome import Outcome, explain


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_explains_itself(outcome: Outcome) -> None:
    """The explanation is a sentence, and no two outcomes share one."""
    assert outcome.sentence.endswith(".")
    assert [other for other in Outcome if other.sentence == outcome.sentence] == [outcome]


def test_the_names_never_change() -> None:
    """They are stored, counted and shown: renaming one is a breaking change."""
    assert {outcome.value for outcome in Outcome} == {
        "address_refused",
        "cancelled",
        "certificate_refused",
        "connect_timed_out",
        "connection_lost",
        "connection_refused",
        "delivered",
        "gone",
        "interrupted",
        "out_of_touch",
        "malformed_answer",
        "name_not_found",
        "name_timed_out",
        "out_of_sockets",
        "proxy_authentication",
        "proxy_refused",
        "proxy_unreachable",
        "redirected",
        "rejected",
        "timed_out",
        "tls_failed",
        "unknown",
        "unreachable",
        "unsendable",
        "withdrawn",
    }


def test_what_another_attempt_cannot_mend_is_final() -> None:
    """A refused address or certificate, 410, and a webhook taken away end a delivery; nothing else."""
    final = {outcome for outcome in Outcome if outcome.is_final}
    refused = {Outcome.ADDRESS_REFUSED, Outcome.CERTIFICATE_REFUSED}
    assert final == refused | {Outcome.GONE, Outcome.WITHDRAWN}


def test_only_2xx_is_delivered() -> None:
    """Of a thousand statuses a hundred deliver, and one outcome says so."""
    delivered = [status for status in range(1000) if Outcome.of_status(status).is_delivered]
    assert delivered == list(range(200, 300))
    assert [outcome for outcome in Outcome if outcome.is_delivered] == [Outcome.DELIVERED]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (99, Outcome.MALFORMED_ANSWER),
        (100, Outcome.REJECTED),
        (301, Outcome.REDIRECTED),
        (304, Outcome.REJECTED),
        (308, Outcome.REDIRECTED),
        (410, Outcome.GONE),
        (503, Outcome.REJECTED),
    ],
)
def test_a_status_names_its_outcome(status: int, outcome: Outcome) -> None:
    """Where a redirect leads is never asked; 304 is none."""
    assert Outcome.of_status(status) is outcome


@pytest.mark.parametrize(
    ("status", "word"),
    [(401, "auth code"), (403, "forbids"), (404, "path"), (429, "fewer"), (500, "failed")],
)
def test_a_rejection_has_a_likely_cause(status: int, word: str) -> None:
    """The usual mistakes are told at once, because nobody waits for the deadline to read them."""
    assert word in explain(Outcome.REJECTED, status)


def test_an_unusual_rejection_points_to_the_receiver() -> None:
    """What we cannot know is in the receiver's log."""
    assert explain(Outcome.REJECTED, 418) == Outcome.REJECTED.sentence
    assert explain(Outcome.TIMED_OUT, 0) == Outcome.TIMED_OUT.sentence

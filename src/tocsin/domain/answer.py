"""An answer to "why?": sentences in order, each about one topic, that fit on one screen."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.domain.why import Finding
from tocsin.domain.wording import instant_text


class Topic(StrEnum):
    """What a sentence is about. The values are public and never change."""

    RECEIVED = "received"
    REFUSED = "refused"
    ROUTED = "routed"
    CHANGED = "changed"
    STEP = "step"
    DELIVERY = "delivery"
    NEXT = "next"


_WIDTH = max(len(topic) for topic in Topic)


@dataclass(frozen=True, slots=True)
class Sentence:
    """`at` is the instant it is about; `reason` is what a program may go by."""

    topic: Topic
    text: str
    at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known about a subject: its incident and delivery, if any, and the sentences."""

    subject: str
    title: str
    incident: int | None
    delivery: int | None
    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> str:
        """The answer for a terminal, a line for each sentence."""
        return "\n".join([self.title, *(_line(sentence) for sentence in self.sentences)])


def next_sentence(finding: Finding) -> Sentence:
    """Return what a decision says."""
    return Sentence(Topic.NEXT, finding.text, finding.at, finding.reason.value)


def _line(sentence: Sentence) -> str:
    is_past = sentence.at is not None and sentence.topic is not Topic.NEXT
    at = f"{instant_text(sentence.at)}  " if sentence.at and is_past else ""
    return f"  {sentence.topic:<{_WIDTH}}  {at}{sentence.text}"

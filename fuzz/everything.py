"""Every target by its name."""

from collections.abc import Mapping
from typing import Final

from fuzz import certificates, operators, people, receiver, receivers_answers, senders
from fuzz.target import Target

TARGETS: Final[Mapping[str, Target]] = {
    **receiver.TARGETS,
    **senders.TARGETS,
    **operators.TARGETS,
    **certificates.TARGETS,
    **receivers_answers.TARGETS,
    **people.TARGETS,
}

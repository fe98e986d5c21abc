"""Reads a Containerfile as far as ours goes, so that a test can do by hand what an engine would."""

import json
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Step(NamedTuple):
    """One instruction, and what follows it."""

    instruction: str
    rest: str

    @property
    def arguments(self) -> list[str]:
        """The words of an exec form."""
        words: list[str] = json.loads(self.rest)
        return words


@dataclass
class Stage:
    """What one FROM begins."""

    image: str
    steps: list[Step] = field(default_factory=list)

    def all_of(self, instruction: str) -> list[str]:
        return [step.rest for step in self.steps if step.instruction == instruction]

    def the(self, instruction: str) -> Step:
        (step,) = [each for each in self.steps if each.instruction == instruction]
        return step

    def environment(self) -> dict[str, str]:
        pairs = [word for rest in self.all_of("ENV") for word in shlex.split(rest)]
        return dict(pair.split("=", 1) for pair in pairs)


def read_stages(file: Path) -> list[Stage]:
    stages: list[Stage] = []
    for line in file.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            stages.append(Stage(rest.split(" ")[0]))
        else:
            stages[-1].steps.append(Step(instruction, rest))
    return stages

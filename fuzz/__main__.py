"""`python -m fuzz NAME`: feed one target, or all, until the time is up or something is found."""

import argparse
import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

ALL: Final = "all"
FOLDER: Final = Path(__file__).parent
CORPUS: Final = FOLDER / "corpus"
"""What was interesting so far, by target; it grows, and each run begins with it."""
FOUND: Final = FOLDER / "found"
"""Inputs that broke something. Keep them in tests/fuzz/test_found.py once they do no more."""
MISSING: Final = "fuzz: atheris is not installed: run make fuzz, or pip install atheris\n"


def main(argv: list[str]) -> int:
    """Return 0 when nothing was found, 2 when the command line is wrong or atheris is missing."""
    args = _parser().parse_args(argv)
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write(MISSING)
        return 2
    if args.name == ALL:
        return _feed_all(args.seconds)
    return _feed(args.name, args.seconds)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fuzz",
        description="Feed a parser bytes that nobody would send. What breaks it is kept in fuzz/found.",
        epilog=f"targets: {', '.join(_names())}",
    )
    parser.add_argument("name", metavar="NAME", choices=[*_names(), ALL], help="a target, or all")
    parser.add_argument(
        "--seconds", type=int, default=60, metavar="N", help="how long, for each target (60)"
    )
    return parser


def _names() -> Iterable[str]:
    from fuzz.everything import TARGETS  # noqa: PLC0415 - after atheris, where it is there

    return TARGETS


def _feed_all(seconds: int) -> int:
    """Feed each target in a process of its own; libFuzzer ends the one that it runs in."""
    commands = [
        [sys.executable, "-m", "fuzz", name, "--seconds", str(seconds)] for name in _names()
    ]
    return max(subprocess.run(command, check=False).returncode for command in commands)


def _feed(name: str, seconds: int) -> int:
    """Instrument the code, and hand over to libFuzzer, which ends the process."""
    atheris: Any = importlib.import_module("atheris")
    atheris.enabled_hooks.add("str")  # what a text is compared with guides it, too
    for module in [module for module in sys.modules if module.split(".")[0] in _OURS]:
        del sys.modules[module]  # read without instruments, to know the targets' names
    with atheris.instrument_imports(include=list(_OURS)):
        target = importlib.import_module("fuzz.everything").TARGETS[name]
    corpus = CORPUS / name
    for folder in (corpus, FOUND):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate([*target.words, b"".join(target.words)]):
        (corpus / f"word-{number}").write_bytes(seed)
    words = CORPUS / f"{name}.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words if word))
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={target.longest}",
        f"-dict={words}",
        f"-artifact_prefix={FOUND / name}-",
        "-timeout=10",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    print(f"{name}: {seconds} s, interesting inputs in {corpus}", flush=True)
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.feed)
    atheris.Fuzz()
    return 0


_OURS: Final = ("tocsin", "tocsin_receiver", "fuzz")


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02X}" for byte in word)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The demo from its first line to its last: the stage, the story, and what comes after it."""

import asyncio
import signal
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import ClassVar, Final, NoReturn

import uvloop

import tocsin
from tocsin.cli.paint import Cell, Colour
from tocsin.cli.shell import DONE, INTERRUPTED, Shell
from tocsin.demo.afterwards import suggestions
from tocsin.demo.plot import Plot
from tocsin.demo.stage import Stage, set_stage
from tocsin.demo.story import Story, step_of
from tocsin.demo.transcript import Transcript
from tocsin.errors import TocsinError
from tocsin.wiring.logs import LogMask, set_up_logs

LOG_FILE: Final = "server.log"
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class NoTemporaryFolder(TocsinError):
    """There is nowhere to put the demo's database."""

    code: ClassVar[str] = "no_temporary_folder"


def perform(shell: Shell, *, once: bool) -> int:
    """Tell the story; with `once` end there, else go on until Ctrl-C. The folder is removed.

    Returns DONE when all of it was seen, and for Ctrl-C, unless `once` asked for all of it.
    Raises: NotSeen, NoTemporaryFolder, every refusal of `set_stage`.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="tocsin-demo-", ignore_cleanup_errors=True)
    except OSError as error:
        raise NoTemporaryFolder(
            f"the demo needs a temporary folder ({error.strerror}): set TMPDIR to one of your own"
        ) from None
    with folder as name, (Path(name) / LOG_FILE).open("w", encoding="utf-8") as log:
        set_up_logs("text", LogMask(), stream=log)
        is_done = uvloop.run(_until_stopped(_perform(shell, Path(name), once=once)))
    if not is_done:
        shell.say()
        shell.say("Stopped; the demo's folder is removed.")
    return INTERRUPTED if once and not is_done else DONE


async def _until_stopped(work: Coroutine[None, None, None]) -> bool:
    """Return whether the work was done; a signal cancels it.

    Only the first one: those that follow must not cut the tidying short.
    """
    task = asyncio.create_task(work)

    def stop() -> None:
        if not task.cancelling():
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in _STOPPING:
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        return False
    return True


async def _perform(shell: Shell, home: Path, *, once: bool) -> None:
    transcript = Transcript(shell)
    transcript.begin(
        Cell(f"Tocsin {tocsin.__version__}: one alert, from its arrival to silence", Colour.STRONG),
        "A real server on an empty database, and two receivers that verify what they are sent.",
        "It takes ten seconds; Ctrl-C ends it at any time.",
    )
    async with set_stage(home, clock=shell.clock, plot=Plot()) as stage:
        await Story(stage, transcript).tell()
        transcript.end(
            Cell("All of this was seen to happen: what the receivers got, what the", Colour.GOOD),
            Cell("server has on record, and what you read above agree.", Colour.GOOD),
        )
        if not once:
            transcript.end(*suggestions(stage, shell.env))
            await _go_on(stage, transcript)


async def _go_on(stage: Stage, transcript: Transcript) -> NoReturn:
    """Show what the receivers get, for ever."""
    while True:
        call = await stage.calls.get()
        transcript.called(call, await step_of(stage, call))

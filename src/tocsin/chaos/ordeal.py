"""A run from its first node to its last: load, kills, recovery, and what is read back."""

import asyncio
import random
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final

from tocsin.chaos.findings import Back, Findings, History, Kill, judge
from tocsin.chaos.ledger import Ledger
from tocsin.chaos.load import AUTH_CODE, Load, Responders, Senders
from tocsin.chaos.processes import CommandFailed, Node, PostgreSQL, ReceiverProcess
from tocsin.chaos.readback import Readback
from tocsin.chaos.receiver import Instructions, Manners
from tocsin.chaos.uptime import DATABASE, Uptime
from tocsin.clock import Clock
from tocsin.domain.wording import listed
from tocsin.errors import TocsinError
from tocsin.store.database import Database

RECEIVERS: Final = 3
SETTLE_SECONDS: Final = 240.0
_CONNECTIONS: Final = 12
_PAUSE_SECONDS: Final = 0.15
_MANNERS: Final = Manners(takes_seconds=0.05, fails=0.05, hangs=0.01, hangs_up=0.02, closes=0.2)
_ACKNOWLEDGED: Final = 0.4
_ACKNOWLEDGED_WITHIN_SECONDS: Final = 3.0
_BETWEEN_KILLS: Final = (0.2, 1.4)
_DOWN: Final = (0.0, 1.5)
"""For how long what was killed stays away. Units: seconds."""
_WEIGHTS: Final = {"node": 6, "receiver": 2, "postgresql": 1}
_WHILE_STARTING: Final = 0.2
"""How many kills of a node, of all, may hit one that does not answer yet."""
_AGAIN_SECONDS: Final = 1.0
"""How long a node that ended by itself is left alone: each start takes a second of a processor."""
_LOOK_SECONDS: Final = 0.05
_PATIENCE_SECONDS: Final = 120.0


class DoesNotComeBack(TocsinError):
    """Something that was killed was started again and again, and never answered."""

    code: ClassVar[str] = "does_not_come_back"


_Victim = Node | ReceiverProcess | PostgreSQL


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done."""

    folder: Path
    ports: Sequence[int]
    """Of the receivers, and then one for each node."""
    kills: int
    settings: Mapping[str, str]
    """Of every node, beside what it has of its own."""
    env: Mapping[str, str]
    postgresql: PostgreSQL | None = None
    load: Load = field(default_factory=Load)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run is, for whoever watches."""

    kills: int
    of: int
    ledger: Ledger
    down: Sequence[str]
    unfinished: int | None
    """How many steps and deliveries are waited for; None while there is load."""


class Ordeal:
    """One run. `stop` is set by whoever wants it to end with what was found so far."""

    def __init__(
        self,
        plan: Plan,
        database: Database,
        clock: Clock,
        *,
        randomness: random.Random,
        stop: asyncio.Event,
    ) -> None:
        """`database` is asked for nothing before the first node has made it, nor while it is killed."""
        self.ledger = Ledger()
        self._plan = plan
        self._database = database
        self._clock = clock
        self._randomness = randomness
        self._stop = stop
        self._kills: list[Kill] = []
        self._recovering = Uptime()
        self._answering = Uptime()
        self._back: list[Back] = []
        self._outages = 0
        self._ended_by_themselves = 0
        self._token = ""
        self._up: set[str] = set()
        self._stays_away: dict[str, float] = {}
        """For how long each that was killed is to stay away, until it is noticed."""
        self._runs: dict[str, int] = {}
        """The run of each node that answers, once it has told."""
        self._readback: Readback | None = None
        self._is_ending = False
        self._failure: BaseException | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._nodes = [
            Node(f"node-{number}", plan.folder, port, plan.env, **plan.settings)
            for number, port in enumerate(plan.ports[RECEIVERS:], 1)
        ]
        self._receivers = [
            self._make_receiver(number, port)
            for number, port in enumerate(plan.ports[:RECEIVERS], 1)
        ]

    def _make_receiver(self, number: int, port: int) -> ReceiverProcess:
        told = Instructions(port, AUTH_CODE, self._randomness.getrandbits(32), _MANNERS)
        return ReceiverProcess(f"receiver-{number}", told, self._plan.env, self.ledger.arrived)

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        names = [node.name for node in self._nodes] + [each.name for each in self._receivers]
        down = [name for name in [*names, DATABASE] if name not in self._up]
        unfinished = None if self._readback is None else self._readback.unfinished
        return Standing(len(self._kills), self._plan.kills, self.ledger, down, unfinished)

    async def run(self) -> Findings:
        """Return what was found. Everything that was started is stopped; PostgreSQL is left running.

        Raises: NodeDoesNotStart, DoesNotComeBack, CommandFailed, NoServer, Refused.
        """
        try:
            await self._begin()
            await self._under_load()
            return await self._judge()
        finally:
            await self._end()

    # --- the parts of a run

    async def _begin(self) -> None:
        for receiver in self._receivers:
            await receiver.start()
            self._up.add(receiver.name)
        first, *_ = self._nodes
        self._changed(DATABASE, is_up=True)
        await first.start()
        self._token = first.token
        text = self._plan.load.configuration([receiver.port for receiver in self._receivers])
        await asyncio.to_thread(first.configure, text)
        for node in self._nodes:
            self._spawn(self._keep_up(node))
        await self._until_up()

    async def _under_load(self) -> None:
        ports = [node.port for node in self._nodes]
        responders = Responders(
            self.ledger,
            ports=ports,
            token=self._token,
            share=_ACKNOWLEDGED,
            within=_ACKNOWLEDGED_WITHIN_SECONDS,
            randomness=self._another_randomness(),
        )
        senders = Senders(
            self.ledger,
            ports=ports,
            connections=_CONNECTIONS,
            pause=_PAUSE_SECONDS,
            policies=self._plan.load.policies,
            accepted=responders.accepted,
        )
        senders.start()
        try:
            while len(self._kills) < self._plan.kills and not self._stop.is_set():
                await self._kill_one()
            await self._until_up()  # the last kill is followed by load, too
            await self._pause(_BETWEEN_KILLS[1])
        finally:
            await senders.stop()
            await responders.stop()

    async def _judge(self) -> Findings:
        for receiver in self._receivers:
            receiver.behave()
        await self._until_up()
        urls = [node.url for node in self._nodes]
        self._readback = readback = Readback(urls, self._token, self._database)
        settling = asyncio.create_task(readback.until_settled(seconds=SETTLE_SECONDS))
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait((settling, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        is_settled = settling.done() and settling.result()
        settling.cancel()
        self._raise_failure()
        record = await readback.read(had_time=is_settled or not self._stop.is_set())
        history = History(
            kills=self._kills,
            recovering=self._recovering if len(self._nodes) == 1 else self._answering,
            answering=self._answering,
            database_back=self._back,
            ended_by_themselves=self._ended_by_themselves,
        )
        return judge(self.ledger, record, history, steps=len(self._plan.load.delays))

    async def _end(self) -> None:
        self._is_ending = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._plan.postgresql is not None and DATABASE not in self._up:
            with suppress(CommandFailed):  # it was refused already
                await self._plan.postgresql.start()
        running = [node for node in self._nodes if node.runs]
        await asyncio.gather(*(asyncio.to_thread(node.stop) for node in running))
        for receiver in self._receivers:
            await receiver.kill()

    # --- kills

    async def _kill_one(self) -> None:
        """Choose what to kill, wait until there is such a thing, and kill it a moment later."""
        kinds = [*_WEIGHTS][: 3 if self._plan.postgresql else 2]
        (kind,) = self._randomness.choices(kinds, [_WEIGHTS[each] for each in kinds])
        place, away = self._randomness.random(), self._randomness.uniform(*_DOWN)
        moment = self._randomness.uniform(*_BETWEEN_KILLS)
        may_be_starting = self._randomness.random() < _WHILE_STARTING
        while not self._stop.is_set():
            if self._victims(kind, may_be_starting=may_be_starting):
                await self._pause(moment)
                victims = self._victims(kind, may_be_starting=may_be_starting)
                if victims and not self._stop.is_set():
                    await self._kill(victims[int(place * len(victims))], away)
                    return
            await self._pause(_LOOK_SECONDS)

    def _victims(self, kind: str, *, may_be_starting: bool) -> list[_Victim]:
        match kind:
            case "node":
                return [
                    node
                    for node in self._nodes
                    if node.name in self._up or (may_be_starting and node.runs)
                ]
            case "receiver":
                return [each for each in self._receivers if each.name in self._up]
        postgresql = self._plan.postgresql
        return [postgresql] if postgresql is not None and DATABASE in self._up else []

    async def _kill(self, victim: _Victim, away: float) -> None:
        at = self._clock.now()
        self._kills.append(Kill(victim.name, at, self._runs.pop(victim.name, None)))
        if isinstance(victim, Node):
            self._stays_away[victim.name] = away
            victim.kill()
            self._changed(victim.name, is_up=False, at=at)
        elif isinstance(victim, ReceiverProcess):
            self._up.discard(victim.name)
            self._spawn(self._restart_receiver(victim, away))
        else:
            self._outages += 1
            self._changed(DATABASE, is_up=False, at=at)
            self._spawn(self._restart_postgresql(victim, away))

    async def _restart_receiver(self, receiver: ReceiverProcess, away: float) -> None:
        await receiver.kill()
        await asyncio.sleep(away)
        await receiver.start()
        self._up.add(receiver.name)

    async def _restart_postgresql(self, postgresql: PostgreSQL, away: float) -> None:
        await postgresql.kill()
        await asyncio.sleep(away)
        await postgresql.start()
        self._changed(DATABASE, is_up=True)
        self._back.append(Back(self._clock.now(), self._clock.monotonic()))

    # --- keeping things up

    async def _keep_up(self, node: Node) -> None:
        """Start it whenever it has ended, as whoever runs servers does."""
        while not self._is_ending:
            had, outages = DATABASE in self._up, self._outages
            if not node.runs:
                node.begin()
            # The start of the only node is its recovery.
            self._recovering.changed(node.name, self._clock.now(), is_up=True)
            answered = await node.answers() and node.runs
            if answered:
                self._changed(node.name, is_up=True)
                await self._note_run(node)
            while node.runs:
                await asyncio.sleep(_LOOK_SECONDS)  # another process: nothing to wait on
            away = self._stays_away.pop(node.name, None)
            if away is None:
                # One that starts may be refused without its database; no other may end.
                self._ended_by_themselves += answered or (had and outages == self._outages)
                self._changed(node.name, is_up=False)
            await asyncio.sleep(_AGAIN_SECONDS if away is None else away)

    async def _note_run(self, node: Node) -> None:
        while node.runs and node.name not in self._stays_away:
            run = await node.run_id()
            if run is not None and node.name not in self._stays_away:
                self._runs[node.name] = run
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _until_up(self) -> None:
        """Return when everything is up. Raises: DoesNotComeBack, and whatever went wrong meanwhile."""
        until = self._clock.monotonic() + _PATIENCE_SECONDS
        while self.standing.down and self._failure is None:
            await asyncio.sleep(_LOOK_SECONDS)
            if self._clock.monotonic() > until:
                down = listed(self.standing.down)
                raise DoesNotComeBack(f"{down} did not come back: see the logs")
        self._raise_failure()

    def _changed(self, name: str, *, is_up: bool, at: datetime | None = None) -> None:
        (self._up.add if is_up else self._up.discard)(name)
        at = at or self._clock.now()
        self._answering.changed(name, at, is_up=is_up)
        self._recovering.changed(name, at, is_up=is_up)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
            self._stop.set()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _pause(self, seconds: float) -> None:
        """Return after this time, or when somebody has stopped the run."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    def _another_randomness(self) -> random.Random:
        return random.Random(self._randomness.getrandbits(64))  # noqa: S311 - no secret

"""What happens to one alert, told as it happens; what is not seen to happen ends the story."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import ClassVar, Final

from tocsin.cli.alert import ALERT_PATH
from tocsin.cli.client import Json, segment
from tocsin.cli.http import exchange
from tocsin.cli.paint import Cell, Colour
from tocsin.demo.forger import forge
from tocsin.demo.plot import ALERT, PAGER, PHONE_BRIDGE, ROUTING_KEY
from tocsin.demo.receiver import REFUSED, Call
from tocsin.demo.stage import Stage
from tocsin.demo.transcript import Transcript
from tocsin.domain.actor import name_of_actor
from tocsin.errors import TocsinError
from tocsin.secret import Secret
from tocsin_receiver import BadSignature

FILE: Final = "oncall.yaml"
_ENTITY: Final = ALERT["entity_id"]
_PATIENCE_SECONDS: Final = 20.0
_SILENCE: Final = timedelta(seconds=0.5)
"""For how long after its planned instant a step is listened for."""
_HANGING: Final = 12
"""How far the sentences of `why` stand from the left."""
_SHOWN: Final = ("incident", "message_type", "entity_id", "state_message")


class NotSeen(TocsinError):
    """Something that the story promises did not happen."""

    code: ClassVar[str] = "not_seen"


class Story:
    """Tells itself once, on a stage of its own."""

    def __init__(self, stage: Stage, transcript: Transcript) -> None:
        self._stage = stage
        self._transcript = transcript
        self._deliveries: dict[str, list[int]] = {}
        """The statuses of each delivery's attempts, as its receiver answered them."""

    async def tell(self) -> None:
        """Return when all of it was seen. Raises: NotSeen, NoServer, Refused."""
        await self._configure()
        await self._send_alert()
        first = await self._fire_first_step()
        await self._fire_second_step()
        await self._forge(first)
        await self._acknowledge()
        await self._compare_records()
        await self._explain()

    async def _configure(self) -> None:
        self._transcript.chapter("Who is paged, and when: `tocsin apply` puts this text in force")
        receivers = self._stage.receivers
        text = self._stage.plot.oncall(
            pager_url=receivers[PAGER].url, phone_bridge_url=receivers[PHONE_BRIDGE].url
        )
        self._transcript.quote(text)
        report = await self._stage.post("/configuration/apply", text=text, filename=FILE)
        _require(seen=report["changed"], missing="the configuration was not put in force")
        for webhook, receiver in receivers.items():
            answer = await self._stage.get(f"/webhooks/{webhook}/auth-code")
            receiver.auth_code = Secret(answer["auth_code"])
        self._transcript.remark(
            "Each webhook got an auth code of its own, which its receiver verifies signatures with."
        )

    async def _send_alert(self) -> None:
        self._transcript.chapter("An alert arrives over HTTP, and is answered once it is on disk")
        self._transcript.headings()
        self._transcript.started_at = self._stage.clock.now()
        path = f"{ALERT_PATH}/{segment(self._stage.alert_key.reveal())}/{ROUTING_KEY}"
        answer = await asyncio.to_thread(exchange, self._stage.url, "POST", path, dict(ALERT))
        at = self._stage.clock.now()
        taken = {"result": "success", "entity_id": _ENTITY}
        is_taken = answer.status == 200 and json.loads(answer.body) == taken
        _require(seen=is_taken, missing=f"the alert was answered {answer.status}, not 200")
        incident = await self._incident()
        _require(
            seen=incident["number"] == 1 and incident["status"] == "triggered",
            missing=f"the alert opened no incident #1, but #{incident['number']}",
        )
        self._transcript.row(at, "alert", status=Cell("200", Colour.GOOD))
        self._transcript.remark(f"It opened incident #1: {_ENTITY}, {incident['status']}.")

    async def _fire_first_step(self) -> Call:
        self._transcript.chapter("Step 1 calls the pager, which fails; the delivery is tried again")
        await self._expect(PAGER, step=1, attempt=1, status=500)
        second = await self._expect(PAGER, step=1, attempt=2, status=200)
        self._transcript.remark(
            f"{len(second.fields)} fields as VictorOps sends them, quotes included; some of them:"
        )
        _require(
            seen=second.fields.get("entity_id") == f'"{_ENTITY}"',
            missing="the pager was not sent the alert's entity_id in double quotes",
        )
        self._transcript.fields({name: second.fields[name] for name in _SHOWN})
        return second

    async def _fire_second_step(self) -> None:
        self._transcript.chapter("Step 2 calls the phone bridge, in the documented profile")
        call = await self._expect(PHONE_BRIDGE, step=2, attempt=1, status=200)
        _require(
            seen=set(call.fields) == {"Incident", "Summary", "Message"},
            missing=f"the phone bridge was sent {', '.join(call.fields)}, not the three fields "
            "of the documented profile",
        )
        self._transcript.fields(call.fields)

    async def _forge(self, genuine: Call) -> None:
        self._transcript.chapter("Somebody who does not know the auth code forges a request")
        url = self._stage.receivers[PAGER].url
        status = await asyncio.to_thread(forge, url, genuine, now=self._stage.clock.now())
        call = await self._next_call("the forged request")
        self._transcript.called(call, "forged")
        _require(
            seen=isinstance(call.refusal, BadSignature) and status == call.status == REFUSED,
            missing=f"the receiver answered {status} to a forged request, and did not refuse it",
        )

    async def _acknowledge(self) -> None:
        self._transcript.chapter("Acknowledging stops the escalation: step 3 does not fire")
        upcoming = (await self._escalation())["next"]
        is_third = upcoming is not None and upcoming["place"]["step"] == 3
        _require(seen=is_third, missing="step 3 was not the next one before the acknowledgement")
        answer = await self._stage.post("/incidents/1/acknowledge", message="looking into it")
        _require(seen=answer["changed"], missing="the acknowledgement changed nothing")
        self._transcript.happened(
            self._stage.clock.now(),
            f"Acknowledged by {name_of_actor(answer['acknowledged_by'])}, as `tocsin acknowledge 1` "
            "does. Wait for the instant of step 3:",
        )
        due_at = datetime.fromisoformat(upcoming["due_at"])
        await self._listen(due_at)
        ended = await self._escalation()
        reason, step = ended["end_reason"], _step(1, upcoming["place"])
        _require(
            seen=ended["next"] is None and reason == "acknowledged",
            missing=f"the escalation did not end because of the acknowledgement, but: {reason}",
        )
        for webhook in upcoming["webhooks"]:
            self._transcript.row(due_at, step, webhook, delivery=f"none: {reason}")
        self._transcript.remark("It was due then, and nobody was called.")

    async def _listen(self, due_at: datetime) -> None:
        """Return when a step's instant has gone by without a call."""
        await self._stage.clock.sleep_until(due_at + _SILENCE)
        if not self._stage.calls.empty():
            call = self._stage.calls.get_nowait()
            self._transcript.called(call, await step_of(self._stage, call))
            raise _not_seen(f"the acknowledgement did not stop step 3: it called {call.webhook}")

    async def _compare_records(self) -> None:
        """What the server has on record is what the receivers saw."""
        deliveries = (await self._stage.get("/incidents/1/deliveries"))["items"]
        recorded = {
            each["id"]: [attempt["status"] for attempt in each["attempts"]] for each in deliveries
        }
        _require(
            seen=recorded == self._deliveries,
            missing=f"the server recorded {recorded}, and its receivers saw {self._deliveries}",
        )
        states = {each["state"] for each in deliveries}
        _require(seen=states == {"delivered"}, missing="some delivery is not recorded as delivered")

    async def _explain(self) -> None:
        self._transcript.chapter("`tocsin why '#1'` tells all of it")
        answer = await self._stage.get("/why", subject="#1")
        self._transcript.quote(answer["text"], hanging=_HANGING)
        for id_ in self._deliveries:
            _require(seen=id_ in answer["text"], missing=f"why does not mention {id_}")

    async def _incident(self) -> Json:
        listed = (await self._stage.get("/incidents", entity_id=_ENTITY))["items"]
        _require(seen=bool(listed), missing="the alert opened no incident")
        return listed[0]

    async def _escalation(self) -> Json:
        escalations = (await self._stage.get("/incidents/1"))["escalations"]
        _require(seen=len(escalations) == 1, missing=f"{len(escalations)} escalations run, not one")
        return escalations[0]

    async def _expect(self, webhook: str, *, step: int, attempt: int, status: int) -> Call:
        """Return the next call, which must be this one."""
        wanted = _described(webhook, f"#1 {step}/3", attempt, status)
        call = await self._next_call(wanted)
        place = await step_of(self._stage, call)
        self._transcript.called(call, place)
        came = _described(call.webhook, place, call.attempt, call.status)
        _require(seen=came == wanted, missing=f"{wanted}; what came instead was {came}")
        self._deliveries.setdefault(call.delivery, []).append(call.status)
        return call

    async def _next_call(self, wanted: str) -> Call:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._stage.calls.get()
        except TimeoutError:
            raise _not_seen(f"{wanted}; nothing came for {_PATIENCE_SECONDS:.0f} s") from None


def _described(webhook: str, place: str, attempt: int, status: int) -> str:
    return f"attempt {attempt} of step {place} at {webhook}, answered {status}"


def _require(*, seen: bool, missing: str) -> None:
    if not seen:
        raise _not_seen(missing)


def _not_seen(what: str) -> NotSeen:
    return NotSeen(f"Not seen to work: {what}.")


async def step_of(stage: Stage, call: Call) -> str:
    """Return which step a call belongs to, as the server has it on record."""
    if call.refusal is not None:
        return "unknown"
    delivery = await stage.get(f"/deliveries/{segment(call.delivery)}")
    if delivery["step"] is None:
        return "test"
    return _step(delivery["incident"], delivery["step"]["place"])


def _step(incident: int, place: Json) -> str:
    return f"#{incident} {place['step']}/{place['steps']}"

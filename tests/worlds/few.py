"""A weekend of a small company: incidents in every state, deliveries that ended in every way, and now it is three in the night."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from tests.behaviour.harness import Tocsin
from tests.worlds.people import ADMINISTRATOR, do, join

from tocsin.actions.invitations import invite
from tocsin.actions.tokens import create_token_of
from tocsin.actions.users import add_user, disable_user, show_user
from tocsin.domain.principal import Scope
from tocsin.domain.user import UserRole

BEGINS: Final = datetime.fromisoformat("2026-10-30T14:00:00+00:00")
ENDS: Final = datetime.fromisoformat("2026-11-02T03:07:00+00:00")
DISK: Final = "db-1.example.com disk"
"""What is full at three in the night."""
CHANGED: Final = "platform/primary"
"""The policy that was changed while it pages."""
_MINUTE: Final = timedelta(minutes=1)


async def happen_to_few(tocsin: Tocsin) -> None:
    """Let it all happen, to a server that is configured and whose clock stands at BEGINS."""
    weekend = _Weekend(tocsin)
    await weekend.friday()
    await weekend.saturday()
    await weekend.sunday()
    await weekend.night()


class _Weekend:
    """What happens, in order."""

    def __init__(self, tocsin: Tocsin) -> None:
        self._tocsin = tocsin
        self._answer = tocsin.receiver.answer
        self._tokens: dict[str, str] = {}

    async def _at(self, text: str, *, every: timedelta | None = None) -> None:
        """Let time go by until then; `every`: in steps, so that retries come when they are due."""
        until = datetime.fromisoformat(f"2026-{text}:00+00:00")
        while self._tocsin.now < until:
            left = until - self._tocsin.now
            step = min(left, every or left)
            await self._tocsin.advance(seconds=step.total_seconds())

    async def _alert(self, key: str, entity: str, type_: str = "CRITICAL", **fields: Any) -> int:
        """Send an alert; return the number of its incident, 0 if it has none."""
        await self._tocsin.alert(type_, entity, key=key, **fields)
        found = (await self._tocsin.get("incidents", entity_id=entity, limit=1))["items"]
        return int(found[0]["number"]) if found else 0

    async def _act(self, number: int, action: str, **body: Any) -> None:
        """Let Bob do to an incident what a responder may."""
        await self._ask("POST", f"incidents/{number}/{action}", by="bob", **body)

    async def _ask(self, method: str, path: str, *, by: str, **body: Any) -> dict[str, Any]:
        """Let somebody call the API by a token of their own."""
        answer = await self._tocsin.http.request(
            method,
            f"/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {self._tokens[by]}"},
        )
        assert answer.is_success, answer.text
        await self._tocsin.settle()
        return dict(answer.json())

    async def friday(self) -> None:
        """All is well: what opens is taken care of."""
        await self._people()
        for name in ("chatbot", "deploy"):
            await self._tocsin.post("tokens", name=name, scope="respond")
        await self._tocsin.post("tokens", name="wall-screen", scope="read")
        await self._tocsin.post("webhooks/vault-door/test")
        lag = await self._alert(
            "database",
            "db-3.example.com replication",
            monitoring_tool="prometheus",
            host_name="db-3.example.com",
            state_message="Replication lag is 412 s, and grows",
            **_annotated("db-3"),
        )
        await self._at("10-30T14:02")
        await self._act(lag, "acknowledge", message="I see it: the big import. Watching.")
        await self._at("10-30T14:40")
        await self._tocsin.alert("RECOVERY", "db-3.example.com replication", key="database")
        self._answer("/chat", 500, 503, 200)
        await self._alert(
            "web", "shop.example.com latency", state_message="p99 is 4.1 s, usually 0.3 s"
        )
        await self._at("10-30T14:44", every=timedelta(seconds=2))
        await self._tocsin.alert("OK", "shop.example.com latency", key="web")
        await self._gone()

    async def _people(self) -> None:
        """Somebody of every role; one who left, and one who has not come yet."""
        tocsin, roles = self._tocsin, UserRole
        await join(tocsin, ADMINISTRATOR, roles.ADMINISTRATOR, time_zone="Europe/Berlin")
        await join(tocsin, "bob", roles.RESPONDER, time_zone="America/New_York")
        await join(tocsin, "carol", roles.TEAM_ADMINISTRATOR, "database", time_zone="Europe/Berlin")
        await join(tocsin, "wall", roles.VIEWER)
        await join(tocsin, "dave", roles.RESPONDER)
        await do(tocsin, disable_user, "dave", by=f"user:{ADMINISTRATOR}")
        for name, scope in ((ADMINISTRATOR, Scope.ADMINISTER), ("bob", Scope.RESPOND)):
            with tocsin.server.store.database.read() as tx:
                user = show_user(tx, name)
            token = await do(tocsin, create_token_of, user, name="laptop", scope=scope)
            self._tokens[name] = token.secret.reveal()
        await do(tocsin, add_user, name="erin", role=roles.RESPONDER)
        await do(tocsin, invite, "erin")

    async def _gone(self) -> None:
        """A receiver that is gone for good is disabled by the server."""
        self._answer("/old-pager", 410)
        for number, at in enumerate(("10-30T15:00", "10-30T15:07", "10-30T15:14"), 1):
            await self._at(at)
            await self._alert("old", f"cron-{number}.example.com", state_message="Exit status 1")
        for number in (1, 2):
            await self._tocsin.alert("RECOVERY", f"cron-{number}.example.com", key="old")

    async def saturday(self) -> None:
        """What senders got wrong, a policy that is edited, somebody who sends again."""
        await self._at("10-31T09:00")
        await self._call("nightly-backup")
        await self._call("mail-out")
        await self._tocsin.post_alert(b'{"message_type": "CRITICAL", ', key="database")
        await self._tocsin.post_alert({"entity_id": "no type"}, key="web")
        await self._tocsin.post_alert(
            {"message_type": "CRITICAL"}, alert_key="6f1d7c0e-0000-4000-8000-5b2c9d3e1a42"
        )
        await self._tocsin.alert(
            "INFO", "deploy-4711", key="web", state_message="Version 4711 is out"
        )
        await self._tocsin.alert("PURPLE", "odd-one", key="web")
        await self._alert("database", DISK, "WARNING", state_message="18 % left on /var")
        for minute in range(1, 13):
            await self._at(f"10-31T09:{minute:02}")
            left = f"{18 - minute} % left on /var"
            await self._tocsin.alert("CRITICAL", DISK, key="database", state_message=left)
        disk = await self._tocsin.number_of(DISK)
        await self._act(disk, "acknowledge")
        await self._at("10-31T10:00")
        await self._act(disk, "reopen", message="It was not the logs after all")
        await self._at("10-31T10:20")
        await self._act(disk, "resolve", message="Moved the archive to the new volume")
        await self._too_slow()

    async def _too_slow(self) -> None:
        """A receiver that fails when its page was acknowledged already."""
        self._answer("/slow-bot", 500, 200)
        self._tocsin.receiver.hold("/slow-bot")
        number = await self._alert("slow", "ci.example.com queue", state_message="212 builds wait")
        await self._act(number, "acknowledge")
        self._tocsin.receiver.let_go("/slow-bot")
        await self._at("10-31T10:30")
        await self._act(number, "resolve")

    async def sunday(self) -> None:
        """The siren stands without power, and stays so."""
        await self._at("11-01T22:00")
        await self._call("cert-renewal")
        await self._call("mail-out")
        self._answer("/siren", 0)
        for hall in ("north", "south"):
            await self._alert(
                "hall", f"hall-{hall}.example.com temperature", state_message="31 °C, usually 22 °C"
            )
        await self._at("11-01T22:20", every=timedelta(seconds=20))
        await self._tocsin.alert("RECOVERY", "hall-south.example.com temperature", key="hall")
        by_hand = await self._ask(
            "POST",
            "incidents",
            by="bob",
            summary="Water drips from the ceiling of the cellar",
            details="Above rack 14. The caretaker is on her way.",
            routing_key="web",
        )
        await self._at("11-01T22:24")
        await self._call("mail-out")
        await self._act(by_hand["number"], "reroute", policies=["database/working-hours"])
        await self._at("11-01T23:00", every=_MINUTE)
        mail = await self._tocsin.number_of("heartbeat/mail-out")
        await self._act(mail, "acknowledge", message="The provider has an outage")

    async def night(self) -> None:
        """Now: one is acknowledged, one held, one calls nobody any more, and two escalate."""
        await self._at("11-02T00:30", every=timedelta(minutes=5))
        ledger = await self._alert(
            "payments",
            "ledger.example.com queue",
            state_message="31,204 payments wait",
            **_annotated("ledger"),
        )
        await self._at("11-02T00:31")
        await self._act(
            ledger,
            "hold",
            message="The bank is in maintenance until half past four",
            **{"for": "4h"},
        )
        await self._at("11-02T02:00")
        await self._alert("board", "lobby.example.com screen", state_message="No signal")
        probe = await self._alert(
            "web", "shop.example.com checkout", state_message="7 of 10 checkouts fail"
        )
        await self._at("11-02T02:02")
        (delivery,) = await self._tocsin.deliveries(incident=probe)
        await self._ask("POST", f"deliveries/{delivery['id']}/send-again", by="bob")
        await self._at("11-02T02:04")
        await self._act(probe, "acknowledge", message="Rolling back 4712")
        await self._change_policies()
        await self._at("11-02T02:54")
        await self._alert(
            "database",
            DISK,
            monitoring_tool="prometheus",
            host_name="db-1.example.com",
            entity_display_name="Disk of db-1 is full",
            state_message="1 % left on /var/lib/postgresql; it was 9 % an hour ago",
            severity="critical",
            value="0.0098",
            **_annotated("db-1"),
        )
        await self._at("11-02T03:05", every=_MINUTE)
        await self._alert(
            "hall", "hall-south.example.com temperature", state_message="34 °C, usually 22 °C"
        )
        await self._at("11-02T03:06", every=timedelta(seconds=15))
        await self._alert(
            "web", "shop.example.com latency", state_message="p99 is 9.7 s, usually 0.3 s"
        )
        await self._change(
            CHANGED,
            "Primary on-call",
            [("0s", ["chat"]), ("2m", ["phone-bridge"]), ("5m", ["pager"])],
        )
        await self._at("11-02T03:07", every=_MINUTE)

    async def _change_policies(self) -> None:
        """Open incidents keep the versions that they started with."""
        await self._at("11-02T02:10")
        await self._change(
            "database/primary",
            "Primary on-call",
            [("0s", ["pager"]), ("10m", ["phone-bridge"]), ("15m", ["siren"])],
        )
        await self._change(
            "platform/primary",
            "Primary on-call",
            [("0s", ["chat"]), ("2m", ["phone-bridge", "pager"])],
        )
        await self._ask("POST", "webhooks/chat/rotate", by=ADMINISTRATOR, promote_in="2d")

    async def _change(
        self, path: str, name: str, steps: Sequence[tuple[str, Sequence[str]]]
    ) -> None:
        listed = [{"after": after, "webhooks": webhooks} for after, webhooks in steps]
        await self._ask("PUT", f"policies/{path}", by=ADMINISTRATOR, steps=listed, name=name)

    async def _call(self, heartbeat: str) -> None:
        path = f"/integrations/heartbeat/{self._tocsin.alert_key}/{heartbeat}"
        answer = await self._tocsin.http.get(path, headers={"Authorization": ""})
        assert answer.is_success, answer.text
        await self._tocsin.settle()


def _annotated(host: str) -> dict[str, str]:
    """Return what a sender wants people to see first."""
    return {
        "vo_annotate.u.Runbook": f"https://wiki.example.com/runbooks/{host}",
        "vo_annotate.u.Dashboard": f"https://grafana.example.com/d/7xq/{host}?from=now-3h",
        "vo_annotate.i.Last three hours": f"https://grafana.example.com/render/{host}.png",
        "vo_annotate.s.What to do first": "Look at what grew in the last hour; nothing in /var/lib may be deleted.",
    }

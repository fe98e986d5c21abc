"""The disk fills up under a server, for real: nothing accepted is lost, and it goes on when there is room."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.behaviour.harness import Tocsin, a_receiver, a_server
from tests.manual_clock import ManualClock
from tests.small_disk import FileLimit, SmallDisk, read_only, small_disk

from tocsin.store.place import FolderNotWritable

pytestmark = pytest.mark.anyio
LONG = "x" * 900


@pytest.fixture(params=["the strongest there is", "a limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    if request.param == "a limit":
        folder.mkdir()
        limited = FileLimit(folder)
        yield limited
        limited.make_room()
        return
    with small_disk(folder) as made:
        yield made


@pytest.fixture
def home(first_home: Path, tmp_path: Path, disk: SmallDisk) -> Path:
    return Path(shutil.copytree(first_home, tmp_path / "disk" / "home"))


async def test_nothing_accepted_is_lost_when_the_disk_is_full(home: Path, disk: SmallDisk) -> None:
    """Every alert is answered 200 and is there, or 503 with a time; nothing is parked; nobody restarts it."""
    async with a_server(home) as tocsin:
        await tocsin.configure({"main": [("0s", ["pager"]), ("1m", ["phone"])]})
        await tocsin.alert(entity_id="before")
        disk.fill()
        accepted, turned_away = await _until_it_is_full(tocsin)
        await tocsin.advance(minutes=1)
        for _ in range(4):
            await tocsin.advance(seconds=5)
        ready = await tocsin.http.get("/readyz")
        codes = {each["code"] for each in ready.json()["reasons"]}
        assert "poison" not in codes
        assert codes & {"commit_failed", "disk_nearly_full"}
        for entity in accepted:
            await tocsin.number_of(entity)

        disk.make_room()
        for _ in range(2):
            await tocsin.advance(seconds=5)
        for entity in ("before", *accepted):
            assert tocsin.called_about(entity) == ["/pager", "/phone"]
        for entity in turned_away:
            assert not (await tocsin.get("incidents", entity_id=entity))["items"]
            await tocsin.alert(entity_id=entity)
            assert tocsin.called_about(entity) == ["/pager"]
        reasons = (await tocsin.http.get("/readyz")).json()["reasons"]
        assert "commit_failed" not in [each["code"] for each in reasons]


async def _until_it_is_full(tocsin: Tocsin) -> tuple[list[str], list[str]]:
    """Send alerts until five were turned away; return the entities of both kinds."""
    accepted: list[str] = []
    turned_away: list[str] = []
    while len(turned_away) < 5:
        entity = f"disk {len(accepted)} {len(turned_away)}"
        fields = {f"field{each}": LONG for each in range(100)}
        body = {"message_type": "CRITICAL", "entity_id": entity, **fields}
        answer = await tocsin.post_alert(body)
        if answer.status_code == 200:
            accepted.append(entity)
            continue
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        turned_away.append(entity)
    return accepted, turned_away


async def test_a_read_only_file_system_is_refused_in_a_sentence_and_loses_nothing(
    first_home: Path, tmp_path: Path
) -> None:
    """A server that is started there says what to do; where it can write again, all is as it was."""
    with small_disk(tmp_path / "disk"):
        home = Path(shutil.copytree(first_home, tmp_path / "disk" / "home"))
        async with a_receiver() as receiver:
            tocsin = await Tocsin(home, ManualClock(), receiver).start()
            await tocsin.configure({"main": [("5m", ["pager"])]})
            await tocsin.alert()
            await tocsin.stop()
            with read_only(home), pytest.raises(FolderNotWritable, match="make it writable"):
                await tocsin.start()
            await tocsin.start()
            await tocsin.advance(minutes=5)
            assert receiver.paths() == ["/pager"]
            await tocsin.stop()

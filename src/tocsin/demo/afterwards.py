"""What to try while the demo's server is up: commands that can be pasted into another terminal."""

import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tocsin.cli.alert import ALERT_PATH
from tocsin.cli.paint import Cell, Colour
from tocsin.demo.plot import ROUTING_KEY
from tocsin.demo.stage import Stage
from tocsin.domain.invitation import invitation_url

_ANOTHER: Final = {"message_type": "CRITICAL", "entity_id": "cpu/web2"}
_COMMANDS: Final = ("incidents", "deliveries", "why '#1'", "resolve 1")


def suggestions(stage: Stage, env: Mapping[str, str]) -> Iterator[str | Cell]:
    """Yield the lines that end the story."""
    yield Cell(
        "The server is up until Ctrl-C. Open its pages (the link works once):", Colour.STRONG
    )
    yield ""
    yield f"   {invitation_url(stage.url, stage.invitation)}"
    yield ""
    yield "Try, in another terminal:"
    yield ""
    tocsin = f"{_settings(stage, env)} {_program(env)}"
    yield from (f"   {tocsin} {command}" for command in _COMMANDS)
    yield ""
    yield "Another alert opens another incident:"
    yield ""
    url = f"{stage.url}{ALERT_PATH}/{stage.alert_key.reveal()}/{ROUTING_KEY}"
    yield f"   curl -d {shlex.quote(json.dumps(_ANOTHER))} \\"
    yield f"     {url}"
    yield ""
    yield "What the receivers get is shown here:"


def _settings(stage: Stage, env: Mapping[str, str]) -> str:
    """Return what makes a command find this server, whatever else is set in the terminal."""
    others = [f"{name}=" for name in ("TOCSIN_URL", "TOCSIN_TOKEN") if env.get(name)]
    return " ".join([f"TOCSIN_HOME={shlex.quote(str(stage.home))}", *others])


def _program(env: Mapping[str, str]) -> str:
    """Return how this very program is called from the folder that we are in."""
    beside = Path(sys.executable).with_name("tocsin")
    if not beside.exists():
        return f"{shlex.quote(sys.executable)} -m tocsin"
    if shutil.which("tocsin", path=env.get("PATH")) == str(beside):
        return "tocsin"
    here = Path.cwd()
    return shlex.quote(str(beside.relative_to(here) if beside.is_relative_to(here) else beside))

"""A page as a receiver may get one, for whoever writes a receiver: made as a real one is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tocsin.domain.alert import read_alert
from tocsin.domain.payload import PayloadProfile, make_body
from tocsin_receiver.fields import decode_form

INCIDENT: Final = 31
_ALERT: Final = {
    "message_type": "CRITICAL",
    "entity_id": "db-4/disk",
    "entity_display_name": "Disk of db-4",
    "state_message": '97 % full, 4 GiB left; say "when"',
    "hostname": "db-4.example",
    "monitoring_tool": "prometheus",
    "vo_annotate.u.Runbook": "https://wiki.example/disk-full",
}
_UUID: Final = "5f0c7a52-1d35-4c8e-9f53-2b1c0d9e7a10"


@dataclass(frozen=True, slots=True)
class SamplePage:
    """A body of one profile, as it is sent and as it is read."""

    profile: PayloadProfile
    body: str
    fields: tuple[tuple[str, str], ...]


def sample_pages(*, organisation: str, with_summary: bool, now: datetime) -> tuple[SamplePage, ...]:
    """Return what the same alert is in each profile."""
    alert = read_alert(
        json.dumps(_ALERT).encode(),
        routing_key="database",
        organisation=organisation,
        now=now,
        alert_uuid=_UUID,
        entity_uuid=_UUID,
    )
    return tuple(_sample(each, alert.fields, with_summary=with_summary) for each in PayloadProfile)


def _sample(
    profile: PayloadProfile, fields: Mapping[str, str], *, with_summary: bool
) -> SamplePage:
    body = make_body(profile, incident=INCIDENT, alert=fields, empty_texts=not with_summary)
    return SamplePage(profile, body.form.decode("ascii"), tuple(decode_form(body.form).items()))

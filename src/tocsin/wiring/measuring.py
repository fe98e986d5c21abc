"""How the process is: read from the store, the engine and the disk when somebody asks."""

import os
from collections import Counter
from datetime import datetime, timedelta

from tocsin.actions.certificates import certificates_in_use, endings
from tocsin.actions.pause import is_paused
from tocsin.actions.show_nodes import count_living
from tocsin.actions.webhook_state import find_failing
from tocsin.clock import Clock
from tocsin.domain.heartbeat import state_of
from tocsin.engine.engine import Engine
from tocsin.service.services import Health
from tocsin.store.backlog import oldest_due_step, oldest_unsent
from tocsin.store.heartbeats import list_heartbeats
from tocsin.store.webhook_failures import list_open_breakers
from tocsin.wiring.opening import Store


def measure(store: Store, engine: Engine, clock: Clock, *, has_public_url: bool) -> Health:
    """Return the facts. Reads the database: not for the loop."""
    newer = engine.schema_watch.newer
    with store.database.read() as tx:
        now = clock.now()
        configuration = store.cache.current(tx)
        certificates = certificates_in_use(tx, configuration.webhooks.values())
        return Health(
            oldest_overdue=_age(oldest_due_step(tx), now),
            oldest_unsent=_age(oldest_unsent(tx), now),
            commit_error=engine.writer.last_error,
            is_out_of_touch=not engine.renewal.is_sure,
            clock_jumped=engine.clock_watch.jumped,
            newer_schema=newer.revision if newer else None,
            cannot_go_on=newer.refusal.message if newer and newer.refusal else None,
            free_bytes=_free_bytes(store),
            poisoned=engine.count_poisoned(),
            disabled_webhooks=Counter(
                webhook.disabled_reason
                for webhook in configuration.webhooks.values()
                if webhook.disabled_reason is not None
            ),
            open_breakers=sorted(
                configuration.webhooks[id_].slug
                for id_ in list_open_breakers(tx)
                if id_ in configuration.webhooks
            ),
            failing_webhooks=sorted(
                configuration.webhooks[id_].slug
                for id_ in find_failing(tx, configuration.webhooks.values())
            ),
            nodes=count_living(tx, now),
            clock_skew=engine.load().clock_skew or timedelta(0),
            heartbeats=Counter(state_of(each, now) for each in list_heartbeats(tx))
            if configuration.has_heartbeats
            else {},
            peers=engine.watch.peerings,
            links_lead_nowhere=not has_public_url
            and any(webhook.links for webhook in configuration.webhooks.values()),
            has_default_routing=bool(configuration.default_route.policies),
            is_paused=is_paused(tx),
            in_flight=engine.courier.in_flight,
            queue_depths={
                "inbox": len(engine.inbox),
                "writer": engine.writer.waiting,
                "outbox": engine.courier.unrecorded,
            },
            certificates=certificates,
            certificates_ending=list(endings(certificates, now)),
        )


def _age(instant: datetime | None, now: datetime) -> timedelta | None:
    return now - instant if instant is not None and instant <= now else None


def _free_bytes(store: Store) -> int | None:
    file = store.database.file
    if file is None:
        return None
    disk = os.statvfs(file.parent)
    return disk.f_bavail * disk.f_frsize

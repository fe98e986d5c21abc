"""Webhooks: where and how a delivery is sent. Not versioned: an attempt uses what holds at its instant."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.domain.auth_code import PendingAuthCode
from tocsin.domain.client_certificate import ClientCertificate
from tocsin.domain.delivery import DEADLINE, RETRY_WAITS
from tocsin.domain.follow_up import FollowUp
from tocsin.domain.one_time_link import LinkAction
from tocsin.domain.payload import PayloadProfile
from tocsin.secret import Secret

CONNECT_TIMEOUT = timedelta(seconds=5)
TOTAL_TIMEOUT = timedelta(seconds=15)


class DisabledReason(StrEnum):
    """Why a webhook is disabled. The values are public and never change."""

    BY_HAND = "by_hand"
    GONE = "gone"

    @property
    def clause(self) -> str:
        """The reason as it stands after "disabled,"."""
        return _CLAUSES[self]


_CLAUSES = {
    DisabledReason.BY_HAND: "by an administrator",
    DisabledReason.GONE: (
        "because its receiver answered 410 (Gone) at least three times over ten minutes, "
        "without a 2xx between"
    ),
}


@dataclass(frozen=True, slots=True)
class Webhook:
    """A configured receiver. `url` is kept, sent and signed exactly as it was typed."""

    id: int
    slug: str
    name: str
    url: str
    auth_code: Secret
    profile: PayloadProfile = PayloadProfile.WIRE
    with_summary: bool = True
    """False: `summary` and `message` are sent empty, as VictorOps did in 2020."""
    with_sender_headers: bool = False
    """True: `x-forwarded-*`, `x-request-id` and `x-amzn-trace-id` of the alert's own request are sent too."""
    with_standard_signature: bool = True
    """False: the three Standard Webhooks headers are left out."""
    answer_may_act: bool = False
    """True: an answer may acknowledge, hold or resolve its incident (`tocsin.domain.answer_action`)."""
    links: tuple[LinkAction, ...] = ()
    """What its pages have one-time links for (`tocsin.domain.one_time_link`)."""
    follow_up: tuple[FollowUp, ...] = ()
    """What it is told when an incident changes that it was paged for (`tocsin.domain.follow_up`)."""
    connect_timeout: timedelta = CONNECT_TIMEOUT
    total_timeout: timedelta = TOTAL_TIMEOUT
    deadline: timedelta = DEADLINE
    retry_waits: tuple[timedelta, ...] = RETRY_WAITS
    """From each failed attempt to the next; the last one repeats."""
    slots: int | None = None
    """How many attempts may be under way at once; None: as many as the setting says."""
    skip_if_late: timedelta | None = None
    """A page whose first attempt would begin later after its planned instant is not sent."""
    when_failing: str | None = None
    """The routing key that gets an alert while it fails again and again."""
    ca_bundle: str | None = None
    """PEM text of the CAs that its receiver is verified by, in place of the system's."""
    client_certificate: ClientCertificate | None = None
    """Shown to a receiver that asks for one; it has its key."""
    disabled_at: datetime | None = None
    disabled_reason: DisabledReason | None = None
    """None, if and only if it is enabled."""
    head_id: int | None = None
    """Names what stands at the head of its requests."""
    pending: PendingAuthCode | None = None

    def is_too_late(self, *, planned_at: datetime, now: datetime) -> bool:
        """Return whether a page is too late for a first attempt."""
        return self.skip_if_late is not None and now - planned_at > self.skip_if_late

    @property
    def auth_codes(self) -> tuple[Secret, ...]:
        """The auth code, and the pending one if there is one."""
        return (self.auth_code,) if self.pending is None else (self.auth_code, self.pending.code)

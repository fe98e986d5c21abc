"""Webhooks: where pages go."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import Field
from starlette.responses import Response

from tocsin.actions import webhooks
from tocsin.actions.editor import Editor
from tocsin.actions.incident_set import Context
from tocsin.actions.send_test import send_test
from tocsin.actions.webhook_certificates import GivenCertificates
from tocsin.actions.webhook_state import WebhookState, find_states
from tocsin.api.access import Administrator, Reader
from tocsin.api.certificate_fields import CaBundle, ClientChain, ClientKey
from tocsin.api.declaring import management
from tocsin.api.dependencies import Once, Work
from tocsin.api.field_types import AnswerModel, Duration, Instant, Page, RequestModel
from tocsin.api.webhook_fields import GivenFollowUps, GivenLinks
from tocsin.api.webhook_state import (
    BreakerAnswer,
    FailingAnswer,
    GivenLateness,
    GivenRetryWaits,
    GivenSlots,
    GivenWhenFailing,
    ReceiverCertificateAnswer,
    WhenFailingAnswer,
    render_breaker,
    render_failing,
    render_receiver_certificate,
)
from tocsin.domain.auth_code import standard_secret
from tocsin.domain.delivery import RETRY_WAITS
from tocsin.domain.follow_up import FollowUp, parse_follow_ups
from tocsin.domain.one_time_link import LinkAction, parse_link_actions
from tocsin.domain.payload import PayloadProfile
from tocsin.domain.principal import Scope
from tocsin.domain.routing import RoutingKey
from tocsin.domain.webhook import DisabledReason, Webhook
from tocsin.domain.webhook_options import WebhookOptions, options_of
from tocsin.ids import DELIVERY, id_text
from tocsin.service.editing import edit, editor_of
from tocsin.store.database import Tx

router: Final = management("webhooks", prefix="/webhooks")
Slug = Annotated[str, Path(max_length=64, description="The webhook's slug", examples=["pager"])]

# The options' names here, as in a configuration file, and what they are called in code.
_OPTIONS: Final = {
    "profile": "profile",
    "summary": "with_summary",
    "sender_headers": "with_sender_headers",
    "standard_signature": "with_standard_signature",
    "answer_may_act": "answer_may_act",
    "links": "links",
    "follow_up": "follow_up",
    "connect_timeout": "connect_timeout",
    "total_timeout": "total_timeout",
    "deadline": "deadline",
    "retry_waits": "retry_waits",
    "slots": "slots",
}
Url = Annotated[
    str,
    Field(
        max_length=4096,
        description="Kept, sent and signed exactly as it is written here",
        examples=["https://pager.example/hook"],
    ),
]
GivenAuthCode = Annotated[
    str | None,
    Field(
        max_length=255,
        description="One that receivers know already, 16 to 255 printable ASCII characters. "
        "Left out, one is made",
    ),
]
# Strict would take no text for an enumeration's member.
GivenProfile = Annotated[PayloadProfile, Field(strict=False)]


class WebhookAnswer(AnswerModel):
    """A webhook. Its URL may hold a secret: only administrators see it."""

    slug: str
    name: str
    url: str | None
    enabled: bool
    disabled_at: Instant | None
    disabled_reason: Annotated[
        DisabledReason | None,
        Field(
            description="`by_hand`, or `gone`: its receiver answered 410 at least three times over "
            "ten minutes, without a 2xx between. Enabling it begins to count anew"
        ),
    ]
    rotating: Annotated[bool, Field(description="It has a pending auth code")]
    promote_at: Annotated[
        Instant | None,
        Field(description="When that takes over by itself; null: when somebody says so"),
    ]
    profile: PayloadProfile
    summary: bool
    sender_headers: bool
    standard_signature: bool
    answer_may_act: bool
    links: list[LinkAction]
    follow_up: list[FollowUp]
    connect_timeout: Duration
    total_timeout: Duration
    deadline: Duration
    retry_waits: list[Duration]
    slots: Annotated[
        int | None,
        Field(description="null: as many attempts at once as TOCSIN_WEBHOOK_SLOTS says"),
    ]
    skip_if_late: Duration | None
    when_failing: WhenFailingAnswer | None
    failing: Annotated[
        FailingAnswer | None, Field(description="null: it works, or it failed only now and then")
    ]
    ca_bundle: Annotated[str | None, Field(description="PEM text; null: the system's CAs")]
    client_certificate: Annotated[
        str | None, Field(description="PEM text, without its key; null: none")
    ]
    receiver_certificate: Annotated[
        ReceiverCertificateAnswer | None,
        Field(description="null: none was seen yet, or the URL has led elsewhere since"),
    ]
    breaker: Annotated[BreakerAnswer | None, Field(description="null: it is closed")]


class ChangedWebhook(WebhookAnswer):
    """A webhook as it is now, and whether that is new."""

    changed: bool


class NewWebhook(RequestModel):
    """A webhook to make."""

    name: Annotated[str, Field(min_length=1, max_length=200, examples=["Pager"])]
    url: Url
    slug: Annotated[
        str | None,
        Field(max_length=64, examples=["pager"], description="Left out, it is made of the name"),
    ] = None
    auth_code: GivenAuthCode = None
    enabled: bool = True
    profile: GivenProfile = PayloadProfile.WIRE
    summary: bool = True
    sender_headers: bool = False
    standard_signature: bool = True
    answer_may_act: Annotated[
        bool,
        Field(description="Whether an answer may acknowledge, hold or resolve the incident"),
    ] = False
    links: GivenLinks = Field(default_factory=list)
    follow_up: GivenFollowUps = Field(default_factory=list)
    connect_timeout: Duration = timedelta(seconds=5)
    total_timeout: Duration = timedelta(seconds=15)
    deadline: Duration = timedelta(minutes=15)
    retry_waits: GivenRetryWaits = Field(default_factory=lambda: list(RETRY_WAITS))
    slots: GivenSlots = None
    skip_if_late: GivenLateness = None
    when_failing: GivenWhenFailing = None
    ca_bundle: CaBundle = None
    client_certificate: ClientChain = None
    client_key: ClientKey = None


class WebhookChange(RequestModel):
    """What is to change of a webhook; what is left out, or null, stays."""

    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    slug: Annotated[str | None, Field(max_length=64)] = None
    url: Url | None = None
    auth_code: GivenAuthCode = None
    enabled: bool | None = None
    profile: GivenProfile | None = None
    summary: bool | None = None
    sender_headers: bool | None = None
    standard_signature: bool | None = None
    answer_may_act: bool | None = None
    links: GivenLinks | None = None
    follow_up: GivenFollowUps | None = None
    connect_timeout: Duration | None = None
    total_timeout: Duration | None = None
    deadline: Duration | None = None
    retry_waits: GivenRetryWaits | None = None
    slots: GivenSlots = None
    skip_if_late: GivenLateness = None
    when_failing: GivenWhenFailing = None
    ca_bundle: CaBundle = None
    client_certificate: ClientChain = None
    client_key: ClientKey = None


class AuthCodeAnswer(AnswerModel):
    """A webhook's secret, in both spellings, and the pending one, if there is one."""

    auth_code: Annotated[str, Field(description="As VictorOps' receivers take it")]
    standard_secret: Annotated[str, Field(description="As Standard Webhooks libraries take it")]
    pending_auth_code: str | None
    pending_standard_secret: str | None


class TestAnswer(AnswerModel):
    """The delivery that a test made. It is sent at once, and once: when it has ended, that was all."""

    delivery: Annotated[str, Field(examples=["dlv_0c8ef309e0007401"])]


@router.get("", summary="List webhooks")
async def list_webhooks(principal: Reader, work: Work) -> Page[WebhookAnswer]:
    """All webhooks, in order of slug."""
    vault = work.services.vault
    found, states = await work.read(lambda tx: _with_states(tx, webhooks.list_webhooks(tx, vault)))
    return Page(
        items=[
            WebhookAnswer(**render_webhook(webhook, principal.scope, states[webhook.id]))
            for webhook in found
        ]
    )


@router.get("/{slug}", summary="Show a webhook")
async def get_webhook(principal: Reader, work: Work, slug: Slug) -> WebhookAnswer:
    vault = work.services.vault
    (webhook,), states = await work.read(
        lambda tx: _with_states(tx, [webhooks.get_webhook(tx, slug, vault)])
    )
    return WebhookAnswer(**render_webhook(webhook, principal.scope, states[webhook.id]))


@router.post(
    "", summary="Make a webhook", status_code=201, responses={201: {"model": ChangedWebhook}}
)
async def create_webhook(
    principal: Administrator, work: Work, once: Once, new: NewWebhook
) -> Response:
    """Its auth code is made unless one is given; see it with `GET /webhooks/{slug}/auth-code`."""

    def create(tx: Tx, context: Context) -> ChangedWebhook:
        webhook = webhooks.create_webhook(
            tx,
            name=new.name,
            url=new.url,
            slug=new.slug,
            auth_code=new.auth_code,
            enabled=new.enabled,
            options=WebhookOptions(**_options(new)),
            certificates=_certificates(new),
            editor=editor_of(work, context, principal),
        )
        return ChangedWebhook(**render_webhook(webhook, principal.scope), changed=True)

    return await once.run(create)


@router.patch("/{slug}", summary="Change a webhook")
async def change_webhook(
    principal: Administrator, work: Work, slug: Slug, change: WebhookChange
) -> ChangedWebhook:
    """Attempts from now on use it, also those of deliveries that wait."""

    def update(tx: Tx, editor: Editor) -> Webhook:
        known = options_of(webhooks.get_webhook(tx, slug, editor.vault))
        usual = {name: getattr(known, name) for name in WebhookOptions.__slots__}
        return webhooks.update_webhook(
            tx,
            slug,
            name=change.name,
            new_slug=change.slug,
            url=change.url,
            auth_code=change.auth_code,
            enabled=change.enabled,
            options=WebhookOptions(**usual | _options(change)),
            certificates=_certificates(change),
            editor=editor,
        )

    def update_and_show(tx: Tx, editor: Editor) -> tuple[Webhook, WebhookState]:
        webhook = update(tx, editor)
        return webhook, find_states(tx, [webhook])[webhook.id]

    (webhook, state), changed = await edit(work, principal, update_and_show)
    return ChangedWebhook(**render_webhook(webhook, principal.scope, state), changed=changed)


@router.delete("/{slug}", summary="Delete a webhook", status_code=204)
async def delete_webhook(principal: Administrator, work: Work, slug: Slug) -> None:
    """Refused with `still_needed` while a policy calls it. Its secrets are forgotten."""
    await edit(work, principal, lambda tx, editor: webhooks.delete_webhook(tx, slug, editor=editor))


@router.get("/{slug}/auth-code", summary="Show a webhook's secret")
async def get_auth_code(principal: Administrator, work: Work, slug: Slug) -> AuthCodeAnswer:
    """Who looked is written down."""
    (code, pending), _ = await edit(
        work, principal, lambda tx, editor: webhooks.reveal_auth_codes(tx, slug, editor=editor)
    )
    return AuthCodeAnswer(
        auth_code=code.reveal(),
        standard_secret=standard_secret(code),
        pending_auth_code=pending.reveal() if pending else None,
        pending_standard_secret=standard_secret(pending) if pending else None,
    )


@router.post(
    "/{slug}/test",
    summary="Send a test to a webhook",
    status_code=202,
    responses={202: {"model": TestAnswer}},
)
async def test_webhook(principal: Administrator, work: Work, once: Once, slug: Slug) -> Response:
    """A real delivery, signed and recorded like any other, with incident 0 and type INFO.

    It gets one attempt over a new connection, and is not tried again: look at
    `GET /deliveries/{delivery}` until `ended_at` is set; `state` is then `delivered` or `failed`.
    Refused with `nothing_is_sent` while Tocsin is paused.
    """
    services = work.services

    def send(tx: Tx, context: Context) -> TestAnswer:
        webhook = webhooks.get_webhook(tx, slug, services.vault)
        delivery = send_test(
            tx, context, webhook, actor=principal.actor, organisation=services.organisation
        )
        return TestAnswer(delivery=id_text(DELIVERY, delivery))

    return await once.run(send, status=202, urgent=True)


def _options(given: NewWebhook | WebhookChange) -> dict[str, Any]:
    values = {name: getattr(given, field) for field, name in _OPTIONS.items()}
    if given.links is not None:
        values["links"] = parse_link_actions(given.links)
    if given.follow_up is not None:
        values["follow_up"] = parse_follow_ups(given.follow_up)
    if given.retry_waits is not None:
        values["retry_waits"] = tuple(given.retry_waits)
    options = {name: value for name, value in values.items() if value is not None}
    if given.slots is not None:
        options["slots"] = given.slots or None
    if given.skip_if_late is not None:
        options["skip_if_late"] = given.skip_if_late or None
    if given.when_failing is not None:
        key = given.when_failing.routing_key
        options["when_failing"] = RoutingKey(key).value if key else None
    return options


def _certificates(given: NewWebhook | WebhookChange) -> GivenCertificates:
    return GivenCertificates(given.ca_bundle, given.client_certificate, given.client_key)


def _with_states(tx: Tx, found: list[Webhook]) -> tuple[list[Webhook], Mapping[int, WebhookState]]:
    return found, find_states(tx, found)


def render_webhook(
    webhook: Webhook, scope: Scope, state: WebhookState | None = None
) -> dict[str, Any]:
    """Return the fields of a `WebhookAnswer` as a scope may see them."""
    client, state = webhook.client_certificate, state or WebhookState()
    return {
        "slug": webhook.slug,
        "name": webhook.name,
        "url": webhook.url if scope.covers(Scope.ADMINISTER) else None,
        "enabled": webhook.disabled_at is None,
        "disabled_at": webhook.disabled_at,
        "disabled_reason": webhook.disabled_reason,
        "rotating": webhook.pending is not None,
        "promote_at": webhook.pending.promote_at if webhook.pending else None,
        **{field: getattr(webhook, name) for field, name in _OPTIONS.items()},
        "skip_if_late": webhook.skip_if_late,
        "when_failing": webhook.when_failing
        and WhenFailingAnswer(routing_key=webhook.when_failing),
        "failing": render_failing(state.failures),
        "ca_bundle": webhook.ca_bundle,
        "client_certificate": client and client.chain,
        "receiver_certificate": render_receiver_certificate(state.certificate),
        "breaker": render_breaker(state.open_for),
    }

"""Requests that have a secret where none belongs, and that every server must refuse."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import yaml

Request = tuple[str, str, dict[str, Any]]
"""Method, path, and what else httpx takes."""


def odd_requests(secret: str, *, alert_key: str) -> Iterator[Request]:
    """Yield requests with a secret in their path, query, headers or body."""
    yield from _in_paths(secret)
    yield from _in_queries(secret)
    yield from _in_headers(secret, alert_key)
    yield from _in_bodies(secret, alert_key)
    yield from _in_files(secret)


def _in_paths(secret: str) -> Iterator[Request]:
    segment = quote(secret, safe="")
    for path in (
        *(segment, f"api/v1/{segment}", f"api/v2/webhooks/{segment}", f"metrics/{segment}"),
        *(f"integrations/{segment}", f"integrations/generic/20131114/alert/{segment}/wrong"),
        *(f"integrations/heartbeat/{segment}/wrong", f"integrations/heartbeat/{segment}"),
        *(f"api/v1/heartbeats/{segment}", f"integrations/heartbeat/wrong/{segment}?{segment}"),
        *(f"api/v1/{noun}/{segment}" for noun in ("alerts", "incidents", "deliveries", "webhooks")),
        *(f"api/v1/webhooks/{segment}/auth-code", f"api/v1/policies/{segment}/{segment}"),
        *(f"api/v1/policies/ops/{segment}", f"api/v1/incidents/{segment}/timeline"),
    ):
        yield "GET", f"/{path}", {}
    for noun in ("webhooks", "keys", "tokens", "teams", "routing-keys"):
        yield "DELETE", f"/api/v1/{noun}/{segment}", {}
        yield "PUT", f"/api/v1/{noun}/{segment}", {}
    yield "PATCH", f"/api/v1/webhooks/{segment}", {"json": {"enabled": False}}
    for action in ("rotate", "promote", "cancel-rotation", "test"):
        yield "POST", f"/api/v1/webhooks/{segment}/{action}", {"json": {}}
    # Key and routing key changed for one another, and a bad alert under a good key.
    path = "/integrations/generic/20131114/alert"
    yield "POST", f"{path}/db/{segment}", {"json": {"message_type": "INFO"}}
    yield "POST", f"{path}/{segment}-wrong/{segment}", {"json": {"message_type": "INFO"}}


def _in_queries(secret: str) -> Iterator[Request]:
    for name in ("limit", "cursor", "status", "incident", "state"):
        yield "GET", "/api/v1/deliveries", {"params": {name: secret, "token": secret}}
    yield "GET", "/api/v1/webhooks", {"params": {secret: "1"}}
    yield "GET", "/api/v1/incidents", {"params": {"cursor": secret}}
    yield "GET", "/api/v1/configuration/export", {"params": {"secrets": secret}}


def _in_headers(secret: str, alert_key: str) -> Iterator[Request]:
    headers = dict.fromkeys(
        ("X-Api-Key", "Cookie", "User-Agent", "Referer", "X-Forwarded-Uri", "Accept"), secret
    )
    for authorization in (secret, f"Basic {secret}", f"Bearer {secret}x", f"Bearer x{secret}"):
        yield "GET", "/api/v1/webhooks", {"headers": headers | {"Authorization": authorization}}
    once = {"Idempotency-Key": secret}
    yield "POST", "/api/v1/keys", {"headers": headers | once, "json": {"name": ""}}
    yield "GET", "/api/v1/nothing", {"headers": headers | {"Content-Type": secret}}
    alert = f"/integrations/generic/20131114/alert/{alert_key}/db"
    yield "POST", alert, {"headers": headers, "json": ["not an object"]}


def _in_bodies(secret: str, alert_key: str) -> Iterator[Request]:
    broken = (
        *(secret, f'{{"name": "{secret}", ', f"[{json.dumps(secret)}]", json.dumps(secret)),
        *(f"{{{json.dumps(secret)}: 1}}", f"note={secret}&x", f"\x00{secret}"),
    )
    alert = f"/integrations/generic/20131114/alert/{alert_key}/db"
    for text in broken:
        yield "POST", "/api/v1/webhooks", {"content": text.encode()}
        yield "POST", alert, {"content": text.encode()}
    for body in (
        *(
            {secret: secret},
            {"name": "x", "url": secret, "slug": "No Slug"},
            {"name": secret, "url": ""},
        ),
        {"name": "x", "url": "https://a.example", "auth_code": f"{secret} "},
        {"name": "x", "url": "https://a.example", "profile": secret, "slug": secret},
        {"name": "x", "url": "https://a.example", "deadline": secret, "connect_timeout": secret},
    ):
        yield "POST", "/api/v1/webhooks", {"json": body}
    yield "POST", "/api/v1/webhooks/pager/rotate", {"json": {"promote_at": secret, secret: 1}}
    yield "POST", "/api/v1/webhooks/pager/rotate", {"json": {"auth_code": f"whsec_{secret}"}}
    yield "POST", "/api/v1/keys", {"json": {"name": "x", "key": f"/{secret}/"}}
    yield "POST", "/api/v1/tokens", {"json": {"name": secret, "scope": secret}}
    yield "POST", "/api/v1/incidents/1/hold", {"json": {"for": secret, "message": secret}}
    yield "POST", "/api/v1/incidents/1/reroute", {"json": {"policies": [secret]}}
    yield "POST", "/api/v1/incidents/1/reroute", {"json": {"routing_key": secret}}
    yield "POST", "/api/v1/incidents/1/move", {"json": {"policies": [secret], "message": secret}}
    yield "POST", "/api/v1/incidents/1/notes", {"json": {"text": secret, secret: 1}}


def _in_files(secret: str) -> Iterator[Request]:
    quoted = yaml.safe_dump(secret, width=1 << 30).splitlines()[0]
    for text in (
        *(secret, quoted, f"{quoted}: {quoted}", f"webhooks: {{{quoted}: {{url: {quoted}}}}}"),
        *(f"webhooks: {{a: {{{quoted}: 1}}}}", f"teams: &{quoted} [1]\n", f"teams: *{quoted}\n"),
        *(f"teams: !{quoted} x", f"routing_keys: {{{quoted}: {{policies: [{quoted}]}}}}"),
        f"webhooks: {{a: {{url: 'https://a.example', deadline: {quoted}, profile: {quoted}}}}}",
        f"webhooks: {{a: {{url: 'https://a.example', auth_code: {quoted}, promote_at: {quoted}, x: 1}}}}",
        f"alert_keys: {{a: {{key: {quoted}, keys: {quoted}}}, {quoted}: {{was: {quoted}}}}}",
        f"default_routing: {{policies: [{quoted}], opens_on: [{quoted}]}}",
    ):
        filename = secret if len(text) % 2 else "oncall.yaml"
        body = {"text": text, "filename": filename}
        yield "POST", "/api/v1/configuration/apply", {"json": body}
        yield "POST", "/api/v1/configuration/apply", {"json": body | {"dry_run": True}}

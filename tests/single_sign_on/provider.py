"""A real OpenID Connect provider (django-oauth-toolkit), in a process of its own.

    python provider.py CLIENT_ID CLIENT_SECRET

It prints its issuer. Whoever comes to `/login/?who=NAME` is NAME, because nobody types a password here; `/register/?uri=...`
lets people come back there, and `/rotate/` makes another key.
"""

import sys
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django  # type: ignore[import-untyped]
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings  # type: ignore[import-untyped]
from django.core.management import call_command  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]
from django.urls import include, path  # type: ignore[import-untyped]


def new_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.PKCS8
    nothing = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, nothing).decode()


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


def login(request: HttpRequest) -> HttpResponse:
    """Let somebody in by name."""
    from django.contrib.auth import get_user_model  # type: ignore[import-untyped]
    from django.contrib.auth import login as begin

    user, _ = get_user_model().objects.get_or_create(username=request.GET["who"])
    begin(request, user)
    return HttpResponse("in")


def register(request: HttpRequest) -> HttpResponse:
    """Let people come back to a URL."""
    from oauth2_provider.models import Application  # type: ignore[import-untyped]

    Application.objects.update(redirect_uris=request.GET["uri"])
    return HttpResponse("registered")


def rotate(_request: HttpRequest) -> HttpResponse:
    """Sign by another key from now on."""
    settings.OAUTH2_PROVIDER["OIDC_RSA_PRIVATE_KEY"] = new_key()
    from oauth2_provider.settings import oauth2_settings  # type: ignore[import-untyped]

    oauth2_settings.reload()
    return HttpResponse("rotated")


def main() -> None:
    client_id, client_secret = sys.argv[1:]
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        LOGIN_URL="/login/",
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": new_key(),
            "PKCE_REQUIRED": True,
            "SCOPES": {"openid": "who somebody is", "profile": "what they are called"},
            "ALLOWED_REDIRECT_URI_SCHEMES": ["http"],
        },
        SECRET_KEY="of a test",
        USE_TZ=True,
    )
    django.setup()
    settings.ROOT_URLCONF = (
        path("login/", login),
        path("register/", register),
        path("rotate/", rotate),
        path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    )
    call_command("migrate", verbosity=0)
    from oauth2_provider.models import Application

    Application.objects.create(
        name="Tocsin",
        client_id=client_id,
        client_secret=client_secret,
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
        redirect_uris="",
        algorithm=Application.RS256_ALGORITHM,
        skip_authorization=True,
    )
    from django.core.wsgi import get_wsgi_application  # type: ignore[import-untyped]

    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet) as server:
        print(f"http://127.0.0.1:{server.server_port}/o", flush=True)  # noqa: T201 - for whoever started it
        server.serve_forever()


main()

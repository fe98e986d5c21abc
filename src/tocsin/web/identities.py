"""Identities of a provider that users sign in by, as their own page and an administrator's show and unlink them."""

from tocsin.actions.identities import unlink_identity
from tocsin.service.editing import edit
from tocsin.web.visit import Visit


def trusted_issuer(visit: Visit) -> str | None:
    """Return what says who somebody is, if there is a provider."""
    provider = visit.services.single_sign_on
    return None if provider is None else provider.provider.issuer


async def unlink(visit: Visit, name: str, *, session: int | None = None) -> None:
    """Unlink the identity that a form names from a user. `session`: the one that goes on.

    Raises: UserNotFound, IdentityNotFound, LastWayIn.
    """
    form = visit.form
    await edit(
        visit.work,
        visit.principal,
        lambda tx, editor: unlink_identity(
            tx,
            name,
            issuer=form.get("issuer", ""),
            subject=form.get("subject", ""),
            trusted=trusted_issuer(visit),
            session=session,
            editor=editor,
        ),
    )

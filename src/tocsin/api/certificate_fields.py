"""PEM texts, as requests about webhooks give them."""

from typing import Annotated

from pydantic import Field

from tocsin.domain.pem import MOST_CHARACTERS

CaBundle = Annotated[
    str | None,
    Field(
        max_length=MOST_CHARACTERS,
        description="PEM text of the CAs that its receiver is verified by, in place of the system's; "
        "an empty text takes it away",
    ),
]
ClientChain = Annotated[
    str | None,
    Field(
        max_length=MOST_CHARACTERS,
        description="PEM text of the certificate that its receiver is shown if it asks, its issuers "
        "behind it; its key may be in it, too. An empty text takes it away",
    ),
]
ClientKey = Annotated[
    str | None,
    Field(
        max_length=MOST_CHARACTERS,
        description="PEM text of the client certificate's private key, without a passphrase. It is "
        "sealed, and given back by an export with secrets only. Left out, the one that is known stays",
    ),
]

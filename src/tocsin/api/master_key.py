"""The master key, under which secrets lie in the database. What it is nobody is told."""

from typing import Annotated, Final

from pydantic import Field

from tocsin.actions.master_key import NewMasterKey, list_keys, retire, rotate_master_key
from tocsin.api.access import ADMINISTERS, Administrator
from tocsin.api.declaring import management
from tocsin.api.dependencies import Work
from tocsin.api.field_types import AnswerModel
from tocsin.service.editing import editor_of

router: Final = management("master key", prefix="/master-key")


class KeyAnswer(AnswerModel):
    """One of the keys that the server has, by its name, which is no secret."""

    name: Annotated[str, Field(examples=["1f3a9c04"])]
    seals: Annotated[
        bool, Field(description="It is the first one: what is saved is sealed with it")
    ]
    secrets: Annotated[int, Field(description="How much of the database only it opens")]
    needed: Annotated[bool, Field(description="False: it may be taken out")]


class MasterKeyAnswer(AnswerModel):
    """Where the master key comes from, and its keys in order."""

    source: Annotated[str, Field(description="A file, or the name of a setting")]
    keys: list[KeyAnswer]


class RotatedAnswer(AnswerModel):
    """What a change of the master key did."""

    name: Annotated[str, Field(description="Of the new key", examples=["1f3a9c04"])]
    replaced: Annotated[list[str], Field(description="The keys that opened everything before")]
    secrets: Annotated[int, Field(description="How much was sealed anew")]
    source: Annotated[str, Field(description="The file that holds the new key")]


@router.get("", summary="Show which master keys are needed", dependencies=ADMINISTERS)
async def get_master_key(work: Work) -> MasterKeyAnswer:
    """A key that is not needed may be taken out of where it is given."""
    services = work.services
    keys = await work.read(lambda tx: list_keys(tx, services.vault))
    return MasterKeyAnswer(
        source=services.key_source,
        keys=[
            KeyAnswer(name=key.name, seals=key.seals, secrets=key.secrets, needed=key.is_needed)
            for key in keys
        ],
    )


@router.post("/rotate", summary="Change the master key")
async def rotate(principal: Administrator, work: Work) -> RotatedAnswer:
    """Makes a new key, seals everything anew in one transaction, and forgets the old key.

    Refused with `master_key_not_ours` when a setting gives the key, or nodes share a database.
    """
    services = work.services
    file = services.key_file
    new: NewMasterKey = await work.change(
        lambda tx, context: rotate_master_key(
            tx,
            file=file,
            source=services.key_source,
            editor=editor_of(work, context, principal),
        )
    )
    assert file is not None
    await work.change(lambda tx, _: retire(tx, file=file, vault=services.vault))
    return RotatedAnswer(
        name=new.name,
        replaced=list(new.replaced),
        secrets=new.secrets,
        source=services.key_source,
    )

"""The part `alert_keys`."""

from typing import Final

from tocsin.domain.alert_key import key_hash, parse_alert_key
from tocsin.domain.configuration_file.description import DescribedAlertKey
from tocsin.domain.configuration_file.place import Place
from tocsin.domain.configuration_file.reading_slugs import check_key, read_was

FIELDS: Final = ("key", "was")


def read_alert_key(name: str, place: Place) -> DescribedAlertKey:
    """Return what an alert key's entry says; with nothing written, a key is made or kept."""
    check_key(name, place)
    fields = place.fields("an alert key", FIELDS)
    key = fields["key"].read(parse_alert_key, None) if "key" in fields else None
    return DescribedAlertKey(
        name=name,
        hash=key_hash(key) if key else None,
        key=key,
        was=read_was(name, fields),
    )

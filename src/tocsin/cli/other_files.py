"""Files that a configuration file names: read here, because the server reads none of this machine."""

from pathlib import Path
from typing import ClassVar, Final

from tocsin.errors import TocsinError

_MOST_BYTES: Final = 1 << 20


class OtherFileNotRead(TocsinError):
    """A file that the configuration names cannot be read."""

    code: ClassVar[str] = "file_not_read"


class OtherFiles:
    """Reads files by their paths as the configuration writes them, relative to its own folder.

    `texts` holds what was read, by path.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.texts: dict[str, str] = {}

    def read(self, path: str) -> str:
        """Return what a file holds. Raises: OtherFileNotRead."""
        file = self._folder / path
        try:
            with file.open("rb") as opened:
                content = opened.read(_MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            cause = error.strerror if isinstance(error, OSError) else error
            raise OtherFileNotRead(f"{file} cannot be read: {cause}", file=str(file)) from None
        if len(content) > _MOST_BYTES:
            raise OtherFileNotRead(f"{file} is over 1 MiB; is it the right one?", file=str(file))
        try:
            text = self.texts[path] = content.decode()
        except UnicodeDecodeError:
            raise OtherFileNotRead(
                f"{file} is not text; convert it to PEM first, for example with: openssl x509 "
                "-inform der -in FILE -out FILE.pem",
                file=str(file),
            ) from None
        return text

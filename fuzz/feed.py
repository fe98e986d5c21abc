"""Arguments out of bytes, cut so that a fuzzer that changes a few bytes changes one argument."""

END = b"\xff"
"""Ends a piece: a byte that no UTF-8 has."""


class Feed:
    """What is left of the bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return bool(self._data)

    def number(self, below: int) -> int:
        """Take a byte as a number; 0 when there is none."""
        byte, self._data = self._data[:1], self._data[1:]
        return byte[0] % below if byte else 0

    def piece(self) -> bytes:
        """Take what comes before the next END."""
        piece, _, self._data = self._data.partition(END)
        return piece

    def text(self) -> str:
        """Take a piece as text, with half a character for each byte that is none."""
        return self.piece().decode("utf-8", "surrogateescape")

    def pairs(self) -> list[tuple[str, str]]:
        """Take everything as names and values."""
        taken = []
        while self:
            taken.append((self.text(), self.text()))
        return taken

    def rest(self) -> bytes:
        """Take everything."""
        rest, self._data = self._data, b""
        return rest

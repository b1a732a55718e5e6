"""Lines of a process's output, bounded as CloudWatch Logs bounds an event."""

from __future__ import annotations

# Amazon CloudWatch Logs, "PutLogEvents": an event of the awslogs driver has at most 262,144 bytes, 26 of them overhead.
LONGEST_LINE_BYTES = 262_118


class Lines:
    """Cuts chunks of bytes into lines of text; a longer line comes in several pieces, an empty one not at all.

    Arguments:
        longest: bytes of a piece, default what CloudWatch Logs takes. At least 4, the longest character of UTF-8.

    Example:
        >>> lines = Lines()
        >>> lines.feed(b"one\\ntw"), lines.feed(b"o\\n"), lines.end()
        (['one'], ['two'], [])
    """

    def __init__(self, longest: int = LONGEST_LINE_BYTES) -> None:
        self._longest = max(4, longest)
        self._rest = b""

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that a chunk completes."""
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        found = [piece for line in whole for piece in self._pieces(line)]
        while len(self._rest) > self._longest:
            piece, self._rest = self._cut(self._rest)
            found.append(_text(piece))
        return found

    def end(self) -> list[str]:
        """What is left when the output ends without a line end."""
        rest, self._rest = self._rest, b""
        return self._pieces(rest)

    def _pieces(self, line: bytes) -> list[str]:
        line = line.removesuffix(b"\r")
        found: list[str] = []
        while len(line) > self._longest:
            piece, line = self._cut(line)
            found.append(_text(piece))
        return [*found, _text(line)] if line else found

    def _cut(self, line: bytes) -> tuple[bytes, bytes]:
        end = self._longest
        # Not inside a character: a continuation byte of UTF-8 has the form 10xxxxxx.
        while end > self._longest - 3 and line[end] & 0xC0 == 0x80:
            end -= 1
        return line[:end], line[end:]


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")

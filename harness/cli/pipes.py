"""Output whose reader may leave: a run goes on, and ends with its own exit code, under `| head`."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any, TextIO


class _Forgiving(io.FileIO):
    """A file descriptor that swallows what nobody reads any more."""

    def write(self, data: Any, /) -> int:
        """Write, or pretend to where the pipe is closed."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            return memoryview(data).nbytes


@contextlib.contextmanager
def forgiving() -> Iterator[None]:
    """Standard output and error, while this lasts, that outlive whoever reads them."""
    with (
        contextlib.redirect_stdout(_unbroken(sys.stdout)) as out,
        contextlib.redirect_stderr(_unbroken(sys.stderr)) as err,
    ):
        try:
            yield
        finally:
            for stream in (out, err):
                if stream is not None:
                    stream.flush()


def _unbroken(stream: TextIO) -> TextIO:
    try:
        number = stream.fileno()
    except (AttributeError, OSError, ValueError):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Forgiving(number, "wb", closefd=False)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream is sys.stderr or stream.isatty(),
    )

"""What every kind of destination can do: the promises that the rest of a run relies on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from deident.endpoints.sources import FileId


class Placed(NamedTuple):
    """What became of a finished output: `status` is `written`, `duplicate` or `collision`."""

    number: int
    status: str
    name: str


class Placement(Protocol):
    """The part that workers need; picklable."""

    def staged(self, number: int, source: str) -> str:
        """Path at which the output of instance `number` is written first."""
        ...

    def final(self, name: str) -> str:
        """Path at which an output of this name lies or would lie."""
        ...

    def abandon(self) -> None:
        """The run has died: remove what is staged, as far as it can be told from others."""
        ...


class Output(Protocol):
    """A destination, in the process that supervises a run.

    Attributes:
        root: the folder that it is, absolute; empty where outputs lie beside their originals.
        made: the folder was made for this run.
        vain: set when nothing came of the run, so that `close` can remove what was made for it.
    """

    root: str
    made: bool
    vain: bool

    @property
    def placement(self) -> Placement:
        """For workers."""
        ...

    @property
    def gone(self) -> bool:
        """Whether somebody has removed the destination."""
        ...

    @property
    def colliding(self) -> frozenset[str]:
        """Names that more than one output of this run asked for, with different bytes."""
        ...

    def excluded(self) -> frozenset[FileId]:
        """Folders that no scan of inputs may enter."""
        ...

    def sync(self) -> None:
        """Bring all that is staged to the disk.

        Raises:
            OSError: the disk refused.
        """
        ...

    def commit(self, number: int, source: str, name: str) -> str:
        """Give a staged output its name: `written`, `duplicate`, or `collision` (see `settle`).

        Raises:
            OSError: the file system refused.
        """
        ...

    def drop(self, number: int, source: str) -> None:
        """Remove what is staged for an instance, if anything."""
        ...

    def settle(self, placed: Mapping[str, Mapping[int, str]]) -> Iterator[Placed]:
        """Name the outputs that collided.

        Args:
            placed: for each of `colliding`, what this run, or one that it resumes, has given that
                name or a numbered one: instance and name.
        """
        ...

    def complete(self) -> None:
        """All outputs have their names: do what can only be done now.

        Raises:
            OSError: the file system refused.
        """
        ...

    def close(self) -> None:
        """Remove whatever was not committed."""
        ...

"""The data of a YAML file with the place of each of its parts, made from a parser's events.

Every scalar stays the text that it is, for two reasons: `00100010` must not become a number, and
what a text means depends on where it stands. A plain `null`, `~` or nothing is refused. This
module needs no YAML library: events are told apart by the names that PyYAML gave them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from deident.errors import ProfileError

MAX_DEPTH = 20
MAX_NODES = 20_000
MAX_ALIASES = 100

Keys = tuple[str | int, ...]

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


class Place(NamedTuple):
    """Where something stands in a file, from 1.

    Attributes:
        line, column: of its first character.
        text: for a scalar: line and column of the first character of its text, whose further lines
            start in the same column; `None` if the text does not stand in the file as it is
            (folded, or written with escapes).
    """

    line: int
    column: int
    text: tuple[int, int] | None = None


class Problem(NamedTuple):
    """Something that is wrong in a profile file; `code` is a key of `errors.REASONS`."""

    line: int
    column: int
    message: str
    code: str = "profile-invalid"


@dataclass(slots=True)
class Tree:
    """The data of a file, every scalar as text, and where each part stands.

    Attributes:
        data: mappings, lists and texts.
        values: place of the value that a path leads to.
        keys: place of the last key of a path.
    """

    data: Any = None
    values: dict[Keys, Place] = field(default_factory=dict)
    keys: dict[Keys, Place] = field(default_factory=dict)

    def place(self, path: Keys) -> Place:
        """Return where the value at `path` stands, or what is around it."""
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Place(1, 1))

    def key_place(self, path: Keys) -> Place:
        """Return where the last key of `path` stands, or what is around it."""
        return self.keys.get(path) or self.place(path)

    def rename(self, old: Keys, new: Keys) -> None:
        """Give the places below `old` to `new` as well."""
        for places in (self.values, self.keys):
            for path in [path for path in places if path[: len(old)] == old]:
                places[new + path[len(old) :]] = places[path]


class _Mark(Protocol):
    line: int
    column: int


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being read: where it is, and the key that waits for its value."""

    container: dict[str, Any] | list[Any]
    path: Keys
    anchor: str | None
    first_node: int
    key: str | None = None

    @property
    def wants_key(self) -> bool:
        return self.key is None and isinstance(self.container, dict)


class TreeReader:
    """Takes the events of a YAML parser one by one and makes a `Tree`."""

    def __init__(self, text: str, source: str) -> None:
        self.tree = Tree()
        self._lines = text.split("\n")
        self._source = source
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = self._aliases = self._documents = 0

    def wrong(self, message: str, mark: _Mark | None, place: Place | None = None) -> ProfileError:
        """Return the error for what stands at `mark` or `place`, or in the file as a whole."""
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if place:
            line, column = place.line, place.column
        return ProfileError(
            "profile-invalid", message, source=self._source, line=line, column=column
        )

    def take(self, event: Any) -> None:
        """Take one event.

        Raises:
            ProfileError: the file is beyond a limit or uses what profiles do not need.
        """
        name = type(event).__name__
        if name == "ScalarEvent":
            self._scalar(event)
        elif name in ("MappingStartEvent", "SequenceStartEvent"):
            self._open(event, {} if name == "MappingStartEvent" else [])
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            self._close()
        elif name == "AliasEvent":
            self._alias(event)
        elif name == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                raise self.wrong("a profile is one YAML document, not several", event.start_mark)

    def _count(self, event: Any, nodes: int = 1) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise self.wrong(f"more than {MAX_NODES} entries", event.start_mark)
        if getattr(event, "tag", None) is not None:
            raise self.wrong("YAML tags (!…) are not used in profiles", event.start_mark)

    def _scalar(self, event: Any) -> None:
        self._count(event)
        if self._frames and self._frames[-1].wants_key:
            self._key(event)
            return
        if event.style is None and event.value in _NULLS:
            raise self._no_value(event)
        if event.anchor:
            self._anchors[event.anchor] = (event.value, 1)
        self._attach(event.value, event)

    def _no_value(self, event: Any) -> ProfileError:
        """A key without a value could be read as if it were not there: a `when` would not count."""
        frame = self._frames[-1] if self._frames else None
        if frame is None or frame.key is None:
            return self.wrong("nothing stands here", event.start_mark)
        place = self.tree.keys[(*frame.path, frame.key)]
        message = f"{frame.key}: has no value"
        return self.wrong(message, None, place)

    def _key(self, event: Any) -> None:
        frame = self._frames[-1]
        if event.value in frame.container:
            raise self.wrong(f"the key {event.value!r} stands here twice", event.start_mark)
        frame.key = event.value
        self.tree.keys[(*frame.path, event.value)] = self._place(event)

    def _open(self, event: Any, container: dict[str, Any] | list[Any]) -> None:
        self._count(event)
        if len(self._frames) >= MAX_DEPTH:
            raise self.wrong(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        path = self._attach(container, event)
        self._frames.append(_Frame(container, path, event.anchor, self._nodes - 1))

    def _close(self) -> None:
        frame = self._frames.pop()
        if frame.anchor:
            self._anchors[frame.anchor] = (frame.container, self._nodes - frame.first_node)

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise self.wrong(
                f"*{event.anchor} refers to nothing; text that starts with * needs quotation marks",
                event.start_mark,
            )
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise self.wrong(f"more than {MAX_ALIASES} aliases", event.start_mark)
        value, nodes = self._anchors[event.anchor]
        self._count(event, nodes)
        self._attach(value, event)

    def _attach(self, value: Any, event: Any) -> Keys:
        """Put a value where it belongs; return its path."""
        path: Keys = ()
        if self._frames:
            path = self._put(self._frames[-1], value, event)
        else:
            self.tree.data = value
        self.tree.values[path] = self._place(event)
        return path

    def _put(self, frame: _Frame, value: Any, event: Any) -> Keys:
        if isinstance(frame.container, list):
            frame.container.append(value)
            return (*frame.path, len(frame.container) - 1)
        if frame.key is None:
            raise self.wrong("a key must be text; put it in quotation marks", event.start_mark)
        key, frame.key = frame.key, None
        frame.container[key] = value
        return (*frame.path, key)

    def _place(self, event: Any) -> Place:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        text = getattr(event, "value", None)
        if not isinstance(text, str):
            return Place(line, column)
        if event.style == "|":
            lines = self._lines[line : event.end_mark.line]
            first = next((text for text in lines if text.strip()), "")
            return Place(line, column, (line + 1, len(first) - len(first.lstrip(" ")) + 1))
        quotes = 0 if event.style is None else 1
        as_it_is = event.end_mark.line == event.start_mark.line and (
            event.end_mark.column - event.start_mark.column == len(text) + 2 * quotes
        )
        return Place(line, column, (line, column + quotes) if as_it_is else None)


def expand_short_rules(tree: Tree, reserved: frozenset[str]) -> None:
    """Write out rules such as `PatientName: remove` in place, as `select` and `action`."""
    rules = tree.data.get("rules") if isinstance(tree.data, dict) else None
    if not isinstance(rules, list):
        return
    for number, rule in enumerate(rules):
        if not isinstance(rule, dict) or len(rule) != 1:
            continue
        ((select, rest),) = rule.items()
        if select in reserved:
            continue
        here: Keys = ("rules", number)
        if isinstance(rest, dict):
            tree.rename((*here, select), here)
        else:
            tree.values[(*here, "action")] = tree.place((*here, select))
            rest = {"action": rest}
        tree.values[(*here, "select")] = tree.key_place((*here, select))
        tree.values[here] = tree.keys[here] = tree.key_place((*here, select))
        rules[number] = {**rest, "select": select} if "select" not in rest else rest

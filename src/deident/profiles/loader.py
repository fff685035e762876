"""Profiles by name or from YAML files: reading with places, layers, saving with comments kept.

Shipped profiles come from `library/compiled.json`, which `tools/build_profiles.py` writes, so that
a run with one of them imports neither pydantic nor YAML; both are imported when a file is read.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from deident.errors import InfrastructureError, ProfileError
from deident.profiles.model import Profile
from deident.profiles.plain import from_plain
from deident.profiles.standard import check_options

if TYPE_CHECKING:
    from pathlib import Path

    from deident.profiles.build import Built
    from deident.profiles.catalog import ActionCatalog
    from deident.profiles.tree import Place, Problem, Tree

# Where shipped profiles are; a text, because pathlib would cost a tenth of a start.
LIBRARY = os.path.join(os.path.dirname(__file__), "library")  # noqa: PTH118, PTH120
MAX_BYTES = 256 * 1024
MAX_LAYERS = 8

# Actions have parameters that only their catalog can check, so without one no rule is accepted.
NO_ACTIONS: ActionCatalog = {}


class Examined(NamedTuple):
    """A profile file that was read: what it says, or what is wrong with it.

    Attributes:
        built: the profile and the places of its rules; `None` if there are problems.
        tree: the file's data with places.
        problems: in order of place.
    """

    built: Built | None
    tree: Tree
    problems: tuple[Problem, ...]


def load(
    name_or_path: str | os.PathLike[str],
    extra_options: Iterable[str] = (),
    actions: ActionCatalog = NO_ACTIONS,
) -> Profile:
    """Return a shipped profile or one from a file, with `extra_options` besides its own.

    Args:
        name_or_path: `basic`, or the path of a YAML file.
        extra_options: names of PS3.15 options.
        actions: what the rules of a file may ask for; not needed for shipped profiles.

    Raises:
        ProfileError: there is no such profile, or it is wrong; with line and column.
        UsageError: an extra option does not exist, is not available or is excluded by another.
    """
    if isinstance(name_or_path, str) and name_or_path in shipped_names():
        profile = from_plain(_compiled()[name_or_path])
    else:
        from pathlib import Path

        profile = _load_file(Path(name_or_path), actions, ())
    extra = tuple(extra_options)
    return profile._replace(options=check_options((*profile.options, *extra))) if extra else profile


def shipped_names() -> tuple[str, ...]:
    """Return the names of the shipped profiles."""
    return tuple(_compiled())


def shipped_path(name: str) -> Path:
    """Return the path of a shipped profile's YAML file."""
    from pathlib import Path

    return Path(LIBRARY, f"{name}.yaml")


_compiled_profiles: dict[str, Any] = {}


def _compiled() -> dict[str, Any]:
    if not _compiled_profiles:
        with open(f"{LIBRARY}/compiled.json", "rb") as file:  # noqa: PTH123
            _compiled_profiles.update(json.load(file))
    return _compiled_profiles


def _load_file(path: Path, actions: ActionCatalog, above: tuple[Path, ...]) -> Profile:
    return _checked(examine(_read_text(path), path, actions, above), path)


def _checked(examined: Examined, path: Path) -> Profile:
    if examined.built is None:
        first = examined.problems[0]
        raise ProfileError(
            first.code, first.message, source=str(path), line=first.line, column=first.column
        )
    return examined.built.profile


def examine_file(path: Path, actions: ActionCatalog) -> Examined:
    """Read a profile file and collect everything that is wrong in it.

    Raises:
        ProfileError: the file cannot be read, is not YAML, or what it extends is wrong.
    """
    return examine(_read_text(path), path, actions)


def examine(
    text: str, path: Path, actions: ActionCatalog, above: tuple[Path, ...] = ()
) -> Examined:
    """Collect what a profile's text says and everything that is wrong in it.

    Args:
        text: YAML.
        path: of the file; what it extends is looked for beside it.
        actions: what rules may ask for.
        above: real paths of the files that extend this one.

    Raises:
        ProfileError: the text is not YAML, or what it extends is wrong.
    """
    from deident.profiles.build import Builder
    from deident.profiles.schema import RULE_KEYS, validate
    from deident.profiles.tree import Problem, expand_short_rules

    tree = read_yaml(text, str(path))
    expand_short_rules(tree, RULE_KEYS)
    document, faults = validate(tree.data)
    if document is None:
        found = []
        for fault in faults:
            place = tree.key_place(fault.path) if fault.at_key else tree.place(fault.path)
            found.append(Problem(place.line, place.column, fault.message))
        return Examined(None, tree, tuple(sorted(found)))
    parent = None
    if document.extends is not None:
        parent = _parent(document.extends, path, actions, above, tree.place(("extends",)))
    builder = Builder(tree, path.name, actions)
    built = builder.build(document, parent)
    problems = tuple(sorted(builder.problems))
    return Examined(None if problems else built, tree, problems)


def _parent(
    name: str, path: Path, actions: ActionCatalog, above: tuple[Path, ...], place: Place
) -> Profile:
    """Load what the file at `path` extends: a shipped profile, or a path relative to the file."""

    def wrong(message: str) -> ProfileError:
        return ProfileError(
            "profile-invalid", message, source=str(path), line=place.line, column=place.column
        )

    if name in shipped_names():
        return load(name)
    if not _looks_like_path(name):
        raise wrong(f"extends: {_no_such(name)}")
    layers = (*above, path.resolve())
    target = path.parent / name
    if target.resolve() in layers:
        raise wrong(f"extends: {name} extends this file again")
    if len(layers) >= MAX_LAYERS:
        raise wrong(f"extends: more than {MAX_LAYERS} layers of profiles")
    if not target.is_file():
        raise wrong(f"extends: there is no file {name}")
    return _load_file(target, actions, layers)


def _looks_like_path(name: str) -> bool:
    return name.endswith((".yaml", ".yml")) or "/" in name or os.sep in name


def _no_such(name: str) -> str:
    return f"no profile {name!r}; there are {', '.join(shipped_names())}, or a path ending in .yaml"


def _read_text(path: Path) -> str:
    def unreadable(message: str, line: int = 0, column: int = 0) -> ProfileError:
        where = message if line else f"{path}: {message}"
        return ProfileError("profile-unreadable", where, source=str(path), line=line, column=column)

    try:
        if not path.exists() and not _looks_like_path(str(path)):
            raise ProfileError("profile-unreadable", _no_such(str(path)))
        if path.exists() and not path.is_file():
            raise unreadable("not a file")
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise unreadable(reason.lower()) from None
    if len(raw) > MAX_BYTES:
        raise unreadable(f"larger than {MAX_BYTES // 1024} KiB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise unreadable("not UTF-8 text", before.count(b"\n") + 1, column) from None


# -- YAML -----------------------------------------------------------------------------------------


def read_yaml(text: str, source: str) -> Tree:
    """Read YAML 1.2 into plain data in which every scalar is text, and note where all of it stands.

    Raises:
        ProfileError: not YAML, or beyond the limits of depth, size and aliases.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError

    from deident.profiles.tree import TreeReader

    reader = TreeReader(text, source)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            reader.take(event)
    except MarkedYAMLError as error:
        message = re.sub(r"\s+", " ", error.problem or error.context or "not readable")
        mark = error.problem_mark or error.context_mark
        raise reader.wrong(f"not YAML: {message}", mark) from None
    except YAMLError as error:
        at = getattr(error, "position", 0)
        line, column = text.count("\n", 0, at), at - (text.rfind("\n", 0, at) + 1)
        mark = StringMark(source, at, line, column, text, at)
        raise reader.wrong("not YAML: a character that is not allowed", mark) from None
    return reader.tree


def edit(path: Path) -> Any:
    """Return the data of a profile file for changing: dictionaries and lists that keep comments.

    Raises:
        ProfileError: the file cannot be read or is not YAML.
    """
    text = _read_text(path)
    read_yaml(text, str(path))  # says what is wrong, and where, within the limits
    return _round_trip().load(text)


def save(data: Any, path: Path, actions: ActionCatalog) -> Profile:
    """Write what `edit` returned, comments and order kept, and return the profile that it is now.

    Raises:
        ProfileError: the changed data is not a profile; nothing has been written.
        InfrastructureError: `write-failed`; the file is as it was.
    """
    from io import StringIO

    buffer = StringIO()
    _round_trip().dump(data, buffer)
    profile = _checked(examine(buffer.getvalue(), path, actions), path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            file.write(buffer.getvalue())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InfrastructureError("write-failed", f"{path}: {error.strerror}") from None
    return profile


def _round_trip() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml

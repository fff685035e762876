"""Output names: a template filled with values of the de-identified instance, or the mirrored input.

Whatever a file or a person supplies, a name is legal on every common file system: no separators or
control characters, no reserved names, at most 255 bytes a component.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

from deident.errors import UsageError
from deident.profiles.model import NAME_FIELDS

DEFAULT_TEMPLATE = "{PatientID}/{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm"
UNKNOWN = "unknown"
_MAX_BYTES = 255

_FIELD = re.compile(r"\{(\w+)(?::0(\d{1,2}))?\}")
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._^+=@-]{0,198}[A-Za-z0-9_]")
_NUMBERED = re.compile(r"(?P<stem>.*[^/])_(?P<number>[2-9]|[1-9]\d+)(?P<extension>\.[^./]*)?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d|clock\$)(?:\..*)?", re.IGNORECASE)
_FORBIDDEN = frozenset('<>:"/\\|?*')


class Naming(Protocol):
    """Gives the output path of an instance, relative to the output folder."""

    def name(self, values: Mapping[str, str], source: str, start: int) -> str:
        """Return the name for an instance.

        Args:
            values: keyword → value of the output.
            source: path of the original; `source[start:]` is the part below the input.
            start: see `source`.
        """
        ...


def safe_component(text: str) -> str:
    """Return `text` as one path component that is legal everywhere and not longer than 255 bytes.

    >>> safe_component("../a:b ")
    '_.._a_b'
    >>> safe_component("con.dcm"), safe_component(" "), safe_component("-rf")
    ('_con.dcm', 'unknown', '_-rf')
    """
    if _SAFE.fullmatch(text) and not _RESERVED.fullmatch(text):
        return text
    from unicodedata import category, normalize

    text = "".join(
        "_" if char in _FORBIDDEN or category(char)[0] in "CZ" else char
        for char in normalize("NFC", text.strip())
    ).rstrip(".")
    if not text.strip("_."):
        return UNKNOWN
    if text[0] in "-.~" or _RESERVED.fullmatch(text):
        text = "_" + text
    return _shortened(text)


def numbered(name: str, number: int) -> str:
    """Return the `number`th name for instances that share the output name `name`.

    >>> numbered("a/b.dcm", 2)
    'a/b_2.dcm'
    """
    folder, slash, component = name.rpartition("/")
    stem, dot, extension = component.rpartition(".")
    if not stem:
        stem, dot, extension = component, "", ""
    return folder + slash + _shortened(f"{stem}_{number}{dot}{extension}", f"_{number}")


def unnumbered(name: str) -> str:
    """Return the name that `numbered` has numbered, as far as can be told; else nothing.

    >>> unnumbered("a/b_2.dcm"), unnumbered("a/b.dcm"), unnumbered("a/b_1.dcm")
    ('a/b.dcm', '', '')
    """
    found = _NUMBERED.fullmatch(name)
    if found is None:
        return ""
    base = found["stem"] + (found["extension"] or "")
    return base if numbered(base, int(found["number"])) == name else ""


def _shortened(component: str, ending: str = "") -> str:
    """Cut a component to 255 bytes; a digest keeps cut names apart, extension and `ending` stay."""
    encoded = component.encode("utf-8", "surrogateescape")
    if len(encoded) <= _MAX_BYTES:
        return component
    from hashlib import sha256

    stem, dot, extension = component.rpartition(".")
    tail = dot + extension if stem and len(extension.encode("utf-8", "replace")) <= 8 else ""
    tail = f"~{sha256(encoded).hexdigest()[:12]}{ending}{tail}"
    cut = encoded[: _MAX_BYTES - len(tail.encode())]
    return cut.decode("utf-8", "ignore") + tail


class NameTemplate:
    """A template such as `{PatientID}/{Modality}/{InstanceNumber:04}.dcm`.

    `{Field:0N}` fills a whole number with zeros to N digits; a field without value is `unknown`.

    Raises:
        UsageError: the template is not usable; the message says why.
    """

    def __init__(self, text: str = DEFAULT_TEMPLATE) -> None:
        self.text = text
        self._components = [_parse_component(part, text) for part in text.split("/")]
        self.fields = tuple(
            dict.fromkeys(field for _, pieces in self._components for field, _, _ in pieces)
        )

    def name(self, values: Mapping[str, str], source: str = "", start: int = 0) -> str:
        """Return the output path for an instance with these `values`; see `Naming`."""
        return "/".join(
            [
                safe_component(
                    head
                    + "".join(
                        [_filled(values, field, width) + after for field, width, after in pieces]
                    )
                )
                for head, pieces in self._components
            ]
        )


# (field, digits to fill to, literal text behind it)
_Piece = tuple[str, int, str]


def _parse_component(part: str, template: str) -> tuple[str, list[_Piece]]:
    literals_and_fields = _FIELD.split(part)
    head, rest = literals_and_fields[0], literals_and_fields[1:]
    pieces = [
        (field, int(width or 0), after)
        for field, width, after in zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    ]
    literals = head + "".join(after for _, _, after in pieces)
    unknown = [field for field, _, _ in pieces if field not in NAME_FIELDS]
    if unknown:
        known = ", ".join(NAME_FIELDS)
        raise UsageError("usage", f"name template: no field {unknown[0]!r}; there are {known}")
    if "{" in literals or "}" in literals:
        raise UsageError("usage", f"name template: a brace without a field in {template!r}")
    if not part or (not pieces and safe_component(part) != part):
        raise UsageError("usage", f"name template: the part {part!r} cannot be a name")
    return head, pieces


def _filled(values: Mapping[str, str], field: str, width: int) -> str:
    value = values.get(field, "").strip() or UNKNOWN
    return value.zfill(width) if width and value.isdecimal() else value


class MirrorNames:
    """The input's own folder structure, each name replaced by a token made with a project sub-key.

    Names of folders and files carry identifiers as often as headers do, so they are not copied:
    equal names become equal tokens, and only the project key can link them. Without a key (`keep
    names`) the original names are used as they are.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key

    def name(self, values: Mapping[str, str], source: str, start: int) -> str:
        """Return the mirrored path of `source[start:]`; see `Naming`."""
        components = source[start:].split("/")
        if self._key is None:
            return "/".join(components)
        return "/".join([_token(self._key, component) for component in components]) + ".dcm"


class SuffixNames:
    """Names beside the originals: with a suffix behind the name, or in place of its extension."""

    def __init__(self, suffix: str, *, replace: bool) -> None:
        self.suffix = suffix
        self._replace = replace

    def name(self, values: Mapping[str, str], source: str, start: int) -> str:
        """Return the absolute path of the output; see `Naming`."""
        folder, slash, component = source.rpartition("/")
        stem = component.rpartition(".")[0] if self._replace else component
        return f"{folder}{slash}{stem or component}{self.suffix}"


class SourceNames:
    """The originals' own names, for outputs that take their place."""

    def name(self, values: Mapping[str, str], source: str, start: int) -> str:
        """Return the absolute path of the original; see `Naming`."""
        return source


class RootedNames:
    """Every input under a folder that is called after the input's absolute path.

    The drive's colon goes, separators become underscores: `C:\\Dir_1\\In` and `/srv/In` become
    `C_Dir_1_In` and `srv_In`. Below, names are mirrored by `below`.
    """

    def __init__(self, below: MirrorNames) -> None:
        self._below = below

    def name(self, values: Mapping[str, str], source: str, start: int) -> str:
        """Return the path below a folder for the input; see `Naming`."""
        root = mangled(source[:start])
        path = f"{root}/{source[start:]}"
        return self._below.name(values, path, 0)


def mangled(path: str) -> str:
    r"""A folder's absolute path as one component.

    >>> mangled("C:\Dir_1\In\"), mangled("/srv/In/"), mangled("\\server\share\x")
    ('C_Dir_1_In', 'srv_In', 'server_share_x')
    """
    parts = [part for part in re.split(r"[/\\]", path) if part]
    if parts and re.fullmatch(r"[A-Za-z]:", parts[0]):
        parts[0] = parts[0][0]
    return _shortened("_".join(parts)) or UNKNOWN


def _token(key: bytes, component: str) -> str:
    from base64 import b32encode
    from hmac import digest

    mac = digest(key, component.encode("utf-8", "surrogateescape"), "sha256")
    return b32encode(mac[:10]).decode().lower()

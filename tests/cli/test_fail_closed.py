"""Failing closed, by the program itself: one bad instance among good ones, of every kind.

The bad instance is in quarantine with its code, everything else is done as if it were not there,
the counts add up, the exit code is 3, and nothing of its patient is left: not in the output, not in
what was printed, not in the project (`Scene.check_refused`). What can be judged after all is
written without its patient (`Scene.check_judged`).
"""

from __future__ import annotations

import os
import resource
import signal
import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests import raw
from tests.capabilities import bound_by_permissions
from tests.gate import Gate
from tests.make import ct, encoded
from tests.program import check_summary
from tests.raw import UNDEFINED, File, element, head, item, sequence, tag_bytes
from tests.scene import NUMBER, PLACE, VICTIM, Options, Scene, expected, good, outputs

NAME = VICTIM.name.encode("latin-1")
BLOB = NAME + b"\0\1\2\3" + VICTIM.patient_id.encode() + bytes(range(256))
CHARSET, PATIENT_NAME, SEQUENCE, PIXEL_DATA = 0x00080005, 0x00100010, 0x00400275, 0x7FE00010
PROTOCOL, STATE = 0x00181030, 0x00380500
STEP = element(0x00400007, "LO", NAME)  # in an item: Scheduled Procedure Step Description
SEQUENCE_END = tag_bytes(0xFFFEE0DD) + bytes(4)
PROFILE = "format: 1\nname: test\nextends: basic\n"
KEPT_PRIVATE = (
    PROFILE
    + """rules:
  - '(0029,"ACME SECRET",01)': keep
  - '(7FE1,"ACME SECRET",01)': keep
"""
)


class Bad(NamedTuple):
    """One bad instance.

    Attributes:
        code: with which it is quarantined; empty where it can be judged.
        make: its bytes, made of a good instance.
        options: of the command line.
        profile: text of a profile.
    """

    code: str
    make: Callable[[File], bytes]
    options: Options = ()
    profile: str = ""


@cache
def _victim() -> bytes:
    return encoded(ct(VICTIM, 1))


def victim() -> File:
    """A good instance of the victim, to be changed."""
    return File.of(_victim())


def _with(tag: int, whole: bytes) -> Callable[[File], bytes]:
    """The instance with one element exactly so."""

    def make(file: File) -> bytes:
        file.elements[tag] = whole
        return file.encoded()

    return make


def _without(tag: int) -> Callable[[File], bytes]:
    def make(file: File) -> bytes:
        del file.elements[tag]
        return file.encoded()

    return make


def _behind(more: bytes) -> Callable[[File], bytes]:
    """The instance with bytes behind Pixel Data."""

    def make(file: File) -> bytes:
        file.behind = more
        return file.encoded()

    return make


def _as(syntax: str, cut: int = 0) -> Callable[[File], bytes]:
    """The instance with another transfer syntax in its meta information, and its end cut off."""

    def make(file: File) -> bytes:
        file.syntax = syntax
        return file.encoded()[: -cut or None]

    return make


def _cut(length: int) -> Callable[[File], bytes]:
    return lambda file: file.encoded()[:length]


def _private(value: bytes, creator: bytes = b"ACME SECRET") -> Callable[[File], bytes]:
    """The instance with a private value under UN, before and behind Pixel Data."""

    def make(file: File) -> bytes:
        for group in (0x0029, 0x7FE1):
            file.put(group << 16 | 0x0010, "LO", creator)
            file.put(group << 16 | 0x1001, "UN", value)
        return file.encoded()

    return make


def _overlay_in_pixels(file: File) -> bytes:
    file.put(0x60000102, "US", struct.pack("<H", 3))  # a bit of the image itself
    return file.encoded()


def _twice(file: File) -> bytes:
    file.behind = file.body
    return file.encoded()


SAFE = ("--with", "retain-safe-private")
_LONG = head(SEQUENCE, "SQ", 20) + head(0xFFFEE000, "\0\0", 0)[:4] + struct.pack("<L", 400)
_OPEN = head(SEQUENCE, "SQ", UNDEFINED) + item(STEP)

REFUSED: dict[str, Bad] = {
    "unreadable: no bytes": Bad("empty-file", _cut(0)),
    "unreadable: cut in the file meta information": Bad("bad-meta", _cut(200)),
    "unreadable: deflated, cut short": Bad("bad-deflate", _as(raw.DEFLATED_UID, cut=40)),
    "unreadable item: longer than its sequence": Bad(
        "bad-length", _with(SEQUENCE, _LONG + bytes(12))
    ),
    "unreadable item: an element runs out of it": Bad(
        "bad-length", _with(SEQUENCE, sequence(SEQUENCE, head(0x00400007, "LO", 400) + NAME))
    ),
    "unreadable item: no item at all": Bad(
        "bad-structure", _with(SEQUENCE, element(SEQUENCE, "SQ", BLOB))
    ),
    "unreadable item: no end of the sequence": Bad("bad-structure", _with(SEQUENCE, _OPEN)),
    "unreadable item: too deep": Bad(
        "too-deep", _with(SEQUENCE, raw.nested(STEP, (SEQUENCE,) * 100))
    ),
    "bad VR: no letters": Bad("bad-vr", _with(PROTOCOL, head(PROTOCOL, "??", 4) + b"text")),
    "bad VR: a length that does not fit": Bad(
        "bad-vr", _with(PROTOCOL, head(PROTOCOL, "XX", 4000) + b"text")
    ),
    "bad VR: in an item": Bad(
        "bad-vr", _with(SEQUENCE, sequence(SEQUENCE, STEP + head(0x00400008, "??", 4) + b"text"))
    ),
    "bad length: cut in the header": Bad("bad-length", _cut(900)),
    "bad length: cut in Pixel Data": Bad("bad-length", lambda file: file.encoded()[:-300]),
    "bad length: Pixel Data of 4 GB": Bad(
        "bad-length", _with(PIXEL_DATA, head(PIXEL_DATA, "OW", 0xFFFFFFFE) + bytes(64))
    ),
    "bad length: too short": Bad("bad-vr", _with(PROTOCOL, head(PROTOCOL, "LO", 2) + b"text")),
    "bad length: undefined, of text": Bad(
        "bad-structure", _with(PROTOCOL, head(PROTOCOL, "UT", UNDEFINED) + b"text")
    ),
    "bad length: fragments without end": Bad(
        "bad-length", _with(PIXEL_DATA, head(PIXEL_DATA, "OB", UNDEFINED) + item(b"") + item(b"ab"))
    ),
    "bad charset: unknown": Bad("bad-charset", _with(CHARSET, element(CHARSET, "CS", b"ISO_IR 9"))),
    "bad charset: absent": Bad("bad-charset", _without(CHARSET)),
    "bad charset: bytes that are not of it": Bad(
        "bad-charset", _with(CHARSET, element(CHARSET, "CS", b"ISO_IR 192"))
    ),
    "bad charset: an escape sequence cut in half": Bad(
        "bad-charset", _with(PATIENT_NAME, element(PATIENT_NAME, "PN", NAME + b"=\x1b$"))
    ),
    "unknown transfer syntax: private": Bad("unknown-transfer-syntax", _as("1.2.826.0.1.1")),
    "unknown transfer syntax: no UID": Bad("unknown-transfer-syntax", _as(VICTIM.patient_id)),
    "private UN blob: kept by a rule, and it names the patient": Bad(
        "identifier-left",
        _private(BLOB),
        profile=KEPT_PRIVATE + "verify: quarantine\n",
    ),
    "unknown UN sequence: kept by a rule, and it cannot be judged": Bad(
        "bad-structure",
        _with(SEQUENCE, element(SEQUENCE, "UN", bytes(range(1, 65)))),
        profile=PROFILE + "rules:\n  - RequestAttributesSequence: keep\n",
    ),
    "element after Pixel Data: another name": Bad(
        "duplicate-element", _behind(element(PATIENT_NAME, "PN", b"Somebody^Else"))
    ),
    "element after Pixel Data: none, but bytes": Bad("bad-vr", _behind(NAME * 3)),
    "element after Pixel Data: the data set again": Bad("duplicate-element", _twice),
    "element after Pixel Data: the file again": Bad("bad-vr", lambda file: file.encoded() * 2),
    "rule error: not legal in the VR": Bad(
        "rule-failed",
        _with(STATE, element(STATE, "LO", NAME)),
        profile=PROFILE + "rules:\n  - InstanceNumber: {action: replace, "
        'value: "{orig:PatientState}", when: exists(PatientState)}\n',
    ),
    "rule error: a condition that has no answer": Bad(
        "rule-failed",
        _with(STATE, element(STATE, "LO", NAME)),
        profile=PROFILE + "rules:\n  - PatientState: {action: keep, when: PatientState < 3}\n",
    ),
    "rule error: a filter that has no answer": Bad(
        "filter-failed",
        _with(STATE, element(STATE, "LO", NAME)),
        profile=PROFILE + "filters:\n  - skip: exists(PatientState) and PatientState < 3\n",
    ),
    "rule error: a text that the character set lacks": Bad(
        "not-encodable",
        _with(STATE, element(STATE, "LO", NAME)),
        profile=PROFILE + "rules:\n  - PatientState: {action: replace, value: Ωμέγα}\n",
    ),
    "rule that quarantines": Bad(
        "rule",
        _with(STATE, element(STATE, "LO", NAME)),
        profile=PROFILE + "rules:\n  - PatientState: quarantine\n",
    ),
    "filter that quarantines": Bad(
        "filter",
        _with(STATE, element(STATE, "LO", NAME)),
        profile=PROFILE + "filters:\n  - quarantine: exists(PatientState)\n",
    ),
    "no UID": Bad("missing-uid", _without(0x00080018)),
    "overlay in the image's own bits": Bad("overlay-in-pixels", _overlay_in_pixels),
}

JUDGED: dict[str, Bad] = {
    "as it is": Bad("", File.encoded),
    "bad VR: what it holds is known": Bad(
        "", _with(PATIENT_NAME, head(PATIENT_NAME, "XX", len(NAME) + 1) + NAME + b" ")
    ),
    "bad length: odd": Bad("", _with(PROTOCOL, element(PROTOCOL, "LO", b"abc", pad=False))),
    "private UN blob": Bad("", _private(BLOB)),
    "private UN blob, though safe private attributes stay": Bad("", _private(BLOB), SAFE),
    "private UN blob under a creator that is safe": Bad(
        "", _private(BLOB, b"SIEMENS MR HEADER"), SAFE
    ),
    "private UN blob: kept by a rule, and it names the patient": Bad(
        "", _private(BLOB), profile=KEPT_PRIVATE
    ),
    "unknown UN sequence": Bad("", _with(SEQUENCE, element(SEQUENCE, "UN", BLOB))),
    "element after Pixel Data: padding": Bad(
        "", _behind(element(0xFFFCFFFC, "OB", NAME + bytes(100)))
    ),
    "element after Pixel Data: the name again": Bad(
        "", _behind(element(PATIENT_NAME, "PN", NAME))
    ),
    "element after Pixel Data: out of order": Bad("", _behind(element(STATE, "LO", NAME))),
    "element after Pixel Data: zeros": Bad("", _behind(bytes(512))),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_fails_is_quarantined_and_the_rest_is_done(kind: str, tmp_path: Path) -> None:
    bad = REFUSED[kind]
    scene = Scene(tmp_path, bad.options, bad.profile)
    scene.place.write_bytes(bad.make(victim()))
    scene.check_refused(scene.run("-j", 1), bad.code)


@pytest.mark.parametrize("kind", JUDGED)
def test_what_can_be_judged_is_written_without_its_patient(kind: str, tmp_path: Path) -> None:
    bad = JUDGED[kind]
    scene = Scene(tmp_path, bad.options, bad.profile)
    scene.place.write_bytes(bad.make(victim()))
    written = scene.check_judged(scene.run("-j", 1))
    assert BLOB not in written
    assert b"ACME" not in written or "kept by a rule" in kind


@pytest.mark.parametrize("jobs", [1, 4])
def test_all_failures_at_once(jobs: int, tmp_path: Path) -> None:
    plain = {kind: bad for kind, bad in REFUSED.items() if not bad.profile}
    scene = Scene(tmp_path)
    for number, bad in enumerate(plain.values()):
        (scene.source / f"3 {number:02} {PLACE}").write_bytes(bad.make(victim()))
    result = scene.run("-j", jobs)
    assert result.code == 3
    assert check_summary(result.summary)["written"] == len(good())
    assert outputs(scene.out) == expected()
    codes = {entry["number"]: entry["code"] for entry in scene.quarantined()}
    assert list(codes.values()) == [bad.code for bad in plain.values()]
    scene.check_silence(result)


# -- the world around -----------------------------------------------------------------------------


def _closed_file(scene: Scene) -> int:
    scene.place.write_bytes(_victim())
    scene.place.chmod(0)
    return NUMBER


def _closed_folder(scene: Scene) -> int:
    folder = scene.source / PLACE
    folder.mkdir()
    (folder / "1.dcm").write_bytes(_victim())
    folder.chmod(0o300)
    return len(good()) + 1  # folders come behind files


def _folder_without_entry(scene: Scene) -> int:
    number = _closed_folder(scene)
    (scene.source / PLACE).chmod(0o400)
    return number


DENIED: dict[str, tuple[Callable[[Scene], int], str]] = {
    "a file": (_closed_file, "unreadable"),
    "a folder that cannot be listed": (_closed_folder, "folder-unreadable"),
    "a folder whose files cannot be opened": (_folder_without_entry, "unreadable"),
}


@pytest.mark.parametrize("kind", DENIED)
def test_permission_denied(kind: str, tmp_path: Path) -> None:
    prepare, code = DENIED[kind]
    scene = Scene(tmp_path)
    number = prepare(scene)
    try:
        result = scene.run("-j", 2, preexec_fn=bound_by_permissions)
    finally:
        scene.place.chmod(0o700)
    scene.check_refused(result, code, number)


def _kill(number: signal.Signals) -> Callable[[Path, int], None]:
    return lambda _path, worker: os.kill(worker, number)


def _unlink(path: Path, _worker: int) -> None:
    path.unlink()


def _cut_short(path: Path, _worker: int) -> None:
    os.truncate(path, 1000)


def _append(path: Path, _worker: int) -> None:
    with path.open("ab") as file:
        file.write(NAME)


def _exchange(path: Path, _worker: int) -> None:
    path.with_suffix(".new").write_bytes(_victim())
    path.with_suffix(".new").rename(path)


def _make_pipe(path: Path, _worker: int) -> None:
    path.unlink()
    os.mkfifo(path)


def _make_folder(path: Path, _worker: int) -> None:
    path.unlink()
    path.mkdir()


def _nothing(_path: Path, _worker: int) -> None:
    """It just takes long."""


BEFORE, OPENED, WRITTEN = "/1.dcm", PLACE, f".tmp/{NUMBER}"  # which file is being opened
SHORT = ("--timeout", "3")

# What happens while a worker is held where it opens a file: to the bad one, or to the worker.
HELD: dict[str, tuple[str, Callable[[Path, int], None], str, Options]] = {
    "file vanishing before its turn": (BEFORE, _unlink, "vanished", ()),
    "file vanishing when it is opened": (OPENED, _unlink, "vanished", ()),
    "file vanishing while it is written": (WRITTEN, _unlink, "vanished", ()),
    "file that becomes a pipe": (OPENED, _make_pipe, "unreadable", ()),
    "file that becomes a folder": (OPENED, _make_folder, "unreadable", ()),
    "file cut short while it is written": (WRITTEN, _cut_short, "changed", ()),
    "file that grows while it is written": (WRITTEN, _append, "changed", ()),
    "file exchanged while it is written": (WRITTEN, _exchange, "changed", ()),
    "worker killed while it reads": (OPENED, _kill(signal.SIGKILL), "worker-died", ()),
    "worker killed while it writes": (WRITTEN, _kill(signal.SIGKILL), "worker-died", ()),
    "worker crashing": (OPENED, _kill(signal.SIGSEGV), "worker-died", ()),
    "timeout: a file that cannot be opened": (OPENED, _nothing, "timeout", SHORT),
    "timeout: an output that cannot be opened": (WRITTEN, _nothing, "timeout", SHORT),
    "timeout: a worker that is stopped": (OPENED, _kill(signal.SIGSTOP), "timeout", SHORT),
}


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("kind", HELD)
def test_what_happens_to_a_file_or_to_its_worker(kind: str, jobs: int, tmp_path: Path) -> None:
    ending, deed, code, options = HELD[kind]
    scene = Scene(tmp_path)
    scene.place.write_bytes(_victim())
    with Gate(tmp_path / "gate", "open", ending) as gate:
        result = gate.held(
            scene.command("-j", jobs, *options),
            lambda worker: deed(scene.place, worker),
            go_on=code != "timeout",
        )
    scene.check_refused(result, code)


def test_timeout_of_a_rule_that_never_ends(tmp_path: Path) -> None:
    profile = PROFILE + "rules:\n  - PatientState: {action: map, pattern: '(a|aa)+b', to: x}\n"
    scene = Scene(tmp_path, SHORT, profile)
    file = victim()
    file.put(STATE, "LO", b"a" * 64)
    scene.place.write_bytes(file.encoded())
    scene.check_refused(scene.run("-j", 1), "timeout")


def test_memory_that_is_limited(tmp_path: Path) -> None:
    scene = Scene(tmp_path, ("--memory", "200"))
    file = victim()
    file.elements[SEQUENCE] = sequence(SEQUENCE, *[STEP] * 450_000)
    scene.place.write_bytes(file.encoded())
    scene.check_refused(scene.run("-j", 1), "too-large")


def test_an_output_that_is_larger_than_files_may_be(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    file = victim()
    file.put(PIXEL_DATA, "OW", bytes(1 << 21))
    scene.place.write_bytes(file.encoded())
    limit = (1 << 20, 1 << 20)
    result = scene.run("-j", 1, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    scene.check_refused(result, "write-failed")

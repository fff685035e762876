"""Opening files: meta, raw data sets, windows, values left in place, refusals."""

from __future__ import annotations

import os
import struct
import tracemalloc
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import MediaStorageDirectoryStorage

from deident.dicom import part10
from deident.dicom.elements import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    UNDEFINED_LENGTH,
    Encoding,
    Span,
)
from deident.dicom.encode import element_bytes, element_head, item_bytes, sequence_bytes
from deident.dicom.meta import MEDIA_STORAGE_SOP_CLASS, uid
from deident.dicom.parse import Limits
from deident.dicom.syntaxes import EXPLICIT_VR_LE, IMPLICIT_VR_LE, NATIVE, SYNTAXES
from deident.errors import InstanceError
from tests.dicom.support import SC

CT = str(get_testdata_file("CT_small.dcm"))
JPEG = "1.2.840.10008.1.2.4.50"
PIXELS = 0x7FE00010
END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)


def meta(syntax: str = EXPLICIT_VR_LE) -> bytes:
    return part10.build_meta(SC, "1.2.3", syntax)


def name(encoding: Encoding = EXPLICIT_LE) -> bytes:
    return element_bytes(0x00100010, "PN", b"Doe^Jane", encoding)


def save(folder: Path, *parts: bytes) -> Path:
    path = folder / "file.dcm"
    path.write_bytes(b"".join(parts))
    return path


def refused(path: Path | str, limits: Limits | None = None) -> str:
    """Return the code with which a file is refused."""
    with pytest.raises(InstanceError) as caught, part10.open(path, limits or Limits()) as file:
        file.elements()
    return caught.value.code


def fragments(*data: bytes) -> bytes:
    head = element_head(PIXELS, "OB", UNDEFINED_LENGTH, EXPLICIT_LE)
    return head + b"".join(item_bytes(one, EXPLICIT_LE) for one in data) + END


# -- what lies before the data set ----------------------------------------------------------------


def test_file_meta() -> None:
    with part10.open(CT) as file:
        assert file.transfer_syntax == EXPLICIT_VR_LE
        assert file.encoding == EXPLICIT_LE
        assert uid(file.meta[MEDIA_STORAGE_SOP_CLASS]) == "1.2.840.10008.5.1.4.1.1.2"
        assert (file.size, file.notes) == (Path(CT).stat().st_size, ())
        assert file.read(file.start, 100) == file.header[:100]


def test_a_dicomdir_says_so() -> None:
    with part10.open(str(get_testdata_file("DICOMDIR"))) as file:
        assert uid(file.meta[MEDIA_STORAGE_SOP_CLASS]) == MediaStorageDirectoryStorage


def test_meta_that_is_longer_than_the_window(tmp_path: Path) -> None:
    long = element_bytes(0x00020102, "OB", bytes(5000), EXPLICIT_LE)
    for extra in range(0, 40, 2):
        pad = element_bytes(0x00020013, "SH", b"x" * extra, EXPLICIT_LE)
        path = save(tmp_path, meta(), pad, long, name())
        for window in (1, 332, 1024, 5000):
            with part10.open(path, window=window) as file:
                assert [e.tag for e in file.elements()] == [0x00100010]


@pytest.mark.parametrize("group_length", [None, 0, 7, 1 << 31])
def test_the_group_length_is_not_relied_upon(group_length: int | None, tmp_path: Path) -> None:
    whole = meta()
    head = whole[:132]
    if group_length is not None:
        head += element_bytes(0x00020000, "UL", struct.pack("<L", group_length), EXPLICIT_LE)
    with part10.open(save(tmp_path, head, whole[144:], name())) as file:
        assert [e.tag for e in file.elements()] == [0x00100010]


def test_meta_in_implicit_vr(tmp_path: Path) -> None:
    head = (
        bytes(128) + b"DICM" + element_bytes(0x00020010, "UI", EXPLICIT_VR_LE.encode(), IMPLICIT_LE)
    )
    with part10.open(save(tmp_path, head, name())) as file:
        assert [e.value for e in file.elements()] == [b"Doe^Jane"]


def test_no_preamble(tmp_path: Path) -> None:
    for skipped in (128, 132, 144):
        with part10.open(save(tmp_path, meta()[skipped:], name())) as file:
            assert file.notes == ("no-preamble",)
            assert [e.value for e in file.elements()] == [b"Doe^Jane"]


@pytest.mark.parametrize("encoding", [EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE])
def test_a_raw_data_set(encoding: Encoding, tmp_path: Path) -> None:
    first = element_bytes(0x00080018, "UI", b"1.2.3", encoding)
    with part10.open(save(tmp_path, first, name(encoding))) as file:
        assert file.notes == ("no-preamble", "no-meta", "syntax-guessed")
        assert (file.encoding, file.transfer_syntax) == (encoding, NATIVE[encoding])
        assert [e.value for e in file.elements()] == [b"1.2.3\0", b"Doe^Jane"]


@pytest.mark.parametrize("encoding", [EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE])
def test_no_transfer_syntax(encoding: Encoding, tmp_path: Path) -> None:
    head = bytes(128) + b"DICM" + element_bytes(0x00020003, "UI", b"1.2.3", EXPLICIT_LE)
    with part10.open(save(tmp_path, head, name(encoding))) as file:
        assert (file.encoding, file.notes) == (encoding, ("syntax-guessed",))
        assert [e.value for e in file.elements()] == [b"Doe^Jane"]


def test_fragments_of_unknown_compression_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, name(), fragments(b"", b"\xff\xd8"))
    assert refused(path) == "unknown-transfer-syntax"


@pytest.mark.parametrize(
    ("said", "really"),
    [(EXPLICIT_LE, IMPLICIT_LE), (IMPLICIT_LE, EXPLICIT_LE), (EXPLICIT_LE, EXPLICIT_BE)],
)
def test_the_data_set_counts_not_what_the_meta_says(
    said: Encoding, really: Encoding, tmp_path: Path
) -> None:
    with part10.open(save(tmp_path, meta(NATIVE[said]), name(really))) as file:
        assert file.transfer_syntax == NATIVE[really]
        assert file.notes == ("syntax-corrected",)
        assert [e.value for e in file.elements()] == [b"Doe^Jane"]


def test_implicit_vr_in_an_encapsulated_syntax_is_refused(tmp_path: Path) -> None:
    assert refused(save(tmp_path, meta(JPEG), name(IMPLICIT_LE))) == "bad-vr"


@pytest.mark.parametrize(
    "syntax", ["1.2.3.4", "1.2.840.10008.1.2.6.1", "not a uid", "1.2.840.10008.1.20"]
)
def test_unknown_transfer_syntaxes_are_refused(syntax: str, tmp_path: Path) -> None:
    assert refused(save(tmp_path, meta(syntax), name())) == "unknown-transfer-syntax"


def test_every_transfer_syntax_that_pydicom_knows() -> None:
    private, odd = "GE Private", ("RFC2557", "XML", "SMPTE", "Papyrus")
    for known in pydicom.uid.AllTransferSyntaxes:
        if private in known.name or any(word in known.name.replace(" ", "") for word in odd):
            continue
        syntax = SYNTAXES[str(known)]
        assert syntax.encoding == Encoding(not known.is_implicit_VR, known.is_little_endian)
        assert syntax.deflated == known.is_deflated or "Referenced Deflate" in known.name


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"x", "not-dicom"),
        (b"%PDF-1.7 and so on" * 20, "not-dicom"),
        (b"\xff\xd8\xff\xe0" + bytes(1000), "not-dicom"),
        (bytes(1000), "not-dicom"),
        (bytes(128) + b"DICM", "unknown-transfer-syntax"),
        (bytes(128) + b"DICM" + b"\2\0\x10\0UI\x40\x001.2", "bad-meta"),
        (bytes(128) + b"DICM" + b"\2\0\0\0UL\4\0\x0a\0\0\0\2\0\x10\0??\x02\x00xx", "bad-meta"),
    ],
)
def test_what_is_no_dicom_file(content: bytes, code: str, tmp_path: Path) -> None:
    assert refused(save(tmp_path, content)) == code


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    assert refused(tmp_path / "nothing") == "vanished"
    assert refused(tmp_path) == "unreadable"
    assert refused("with\0null") == "unreadable"
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "pipe") == "unreadable"


def test_a_closed_file_stays_closed() -> None:
    file = part10.open(CT)
    file.close()
    file.close()
    with pytest.raises(OSError, match="descriptor"):
        file.read(0, 1)


def test_a_refused_file_is_closed(tmp_path: Path) -> None:
    path = save(tmp_path, b"x" * 200)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        refused(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# -- what stays in the file -----------------------------------------------------------------------


def test_pixel_data_stay_in_the_file() -> None:
    with part10.open(CT) as file:
        pixels = next(e for e in file.elements() if e.tag == PIXELS)
        assert pixels.span is not None
        assert (pixels.value, pixels.length) == (b"", pixels.span.length)
        assert pixels.raw + file.read(*pixels.span) in Path(CT).read_bytes()
        assert file.read(*pixels.span) == pydicom.dcmread(CT).PixelData


@pytest.mark.parametrize("tag", [0x7FE00008, 0x7FE00009, PIXELS])
@pytest.mark.parametrize("size", [0, 2, 100_000])
def test_elements_behind_pixel_data_are_read(tag: int, size: int, tmp_path: Path) -> None:
    pixels = element_bytes(tag, "OW", bytes(size), EXPLICIT_LE)
    signature = sequence_bytes(0xFFFAFFFA, [item_bytes(name(), EXPLICIT_LE)], EXPLICIT_LE)
    padding = element_bytes(0xFFFCFFFC, "OB", bytes(100), EXPLICIT_LE)
    path = save(tmp_path, meta(), name(), pixels, signature, padding)
    for window in (1024, 1 << 16, 1 << 20):
        with part10.open(path, window=window) as file:
            elements = file.elements()
            assert [e.tag for e in elements] == [0x00100010, tag, 0xFFFAFFFA, 0xFFFCFFFC]
            assert elements[1].length == size
            assert (elements[2].raw, elements[3].raw) == (signature, padding)
            assert file.notes == ()


def test_large_values_stay_in_the_file_sequences_do_not(tmp_path: Path) -> None:
    large = bytes(range(256)) * 20
    parts = [
        element_bytes(0x00091001, "OB", large, EXPLICIT_LE),
        element_bytes(0x00091002, "UN", large, EXPLICIT_LE),
        element_bytes(0x00081140, "UN", large, EXPLICIT_LE),  # might be a sequence
        sequence_bytes(0x00081199, [item_bytes(name() * 200, EXPLICIT_LE)], EXPLICIT_LE),
        element_bytes(0x00104000, "UT", large, EXPLICIT_LE),
        name(),
    ]
    with part10.open(save(tmp_path, meta(), *parts), Limits(bulk=1024), window=1024) as file:
        elements = file.elements()
        assert [e.span is not None for e in elements] == [True, True, False, False, True, False]
        assert [file.read(*e.span) for e in elements if e.span] == [large] * 3
        assert [e.raw for e in elements if not e.span] == [parts[2], parts[3], parts[5]]


def test_windows_of_any_size_give_the_same_elements(tmp_path: Path) -> None:
    items = [item_bytes(name(), EXPLICIT_LE, undefined=True) for _ in range(100)]
    nested = sequence_bytes(0x00081140, items, EXPLICIT_LE, undefined=True)
    text = element_bytes(0x00104000, "UT", b"text " * 500, EXPLICIT_LE)
    path = save(tmp_path, meta(), text, nested, name(), fragments(b"", b"x" * 70_000, b"y" * 10))
    with part10.open(path, window=1 << 20) as file:
        expected = [(e.tag, e.raw, e.span) for e in file.elements()]
    for window in (*range(1024, 1100), *range(1024, 8000, 333)):
        with part10.open(path, window=window) as file:
            assert [(e.tag, e.raw, e.span) for e in file.elements()] == expected


def test_the_elements_of_one_window_share_a_buffer(tmp_path: Path) -> None:
    long = element_bytes(0x00104000, "UT", bytes(300_000), EXPLICIT_LE)
    with part10.open(save(tmp_path, meta(), name(), long, name()), window=2000) as file:
        assert {id(e.buf) for e in file.elements()} == {id(file.header)}


def test_a_header_beyond_the_limit(tmp_path: Path) -> None:
    item = item_bytes(name(), EXPLICIT_LE)
    path = save(tmp_path, meta(), sequence_bytes(0x00081140, [item] * 9000, EXPLICIT_LE))
    assert refused(path, Limits(header=100_000)) == "too-large"
    with part10.open(path, Limits(header=300_000)) as file:
        assert file.elements()
        file.grow(300_000)
        assert file.start + len(file.header) == file.size
        with pytest.raises(InstanceError):
            file.grow(300_001)


def test_fragments(tmp_path: Path) -> None:
    frames = [b"", END, b"x" * 30_000, b"y" * 100_000, *(b"zz",) * 20_000]
    element = fragments(*frames)
    with part10.open(save(tmp_path, meta(JPEG), name(), element, name()[:4] + name()[4:])) as file:
        pixels = file.elements()[1]
        assert pixels.span == Span(file.start + len(name()) + 12, len(element) - 12)
        assert pixels.undefined
        assert pixels.raw + file.read(*pixels.span) == element


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (fragments(b"", b"xx")[:-1], "bad-length"),
        (fragments(b"", b"xx")[:-8], "bad-length"),
        (fragments(b"", b"xx")[:-9], "bad-length"),
        (fragments(b"", b"xx")[:-4] + b"\1\0\0\0", "bad-structure"),
        (fragments(b"")[:-8] + item_bytes(b"", EXPLICIT_LE, undefined=True) + END, "bad-structure"),
        (fragments(b"")[:-8] + name() + END, "bad-structure"),
        (element_bytes(PIXELS, "OW", bytes(100), EXPLICIT_LE)[:-1], "bad-length"),
        (element_bytes(PIXELS, "OW", bytes(100), EXPLICIT_LE)[:9], "bad-length"),
        (element_head(PIXELS, "OW", 0xFFFFFFFE, EXPLICIT_LE), "bad-length"),
        (element_head(0x00091001, "OB", 0xFFFFFFFE, EXPLICIT_LE) + bytes(9999), "bad-length"),
    ],
)
def test_pixel_data_that_are_not_all_there(content: bytes, code: str, tmp_path: Path) -> None:
    assert refused(save(tmp_path, meta(JPEG), name(), content)) == code


def test_more_than_four_gigabytes(tmp_path: Path) -> None:
    """Sparse files: nothing of them is read but the heads."""
    path, frame = tmp_path / "huge.dcm", 0x7FFFFFFE
    with path.open("wb") as out:
        out.write(meta(JPEG) + name() + element_head(PIXELS, "OB", UNDEFINED_LENGTH, EXPLICIT_LE))
        for _ in range(3):
            out.write(struct.pack("<HHL", 0xFFFE, 0xE000, frame))
            out.seek(frame, os.SEEK_CUR)
        out.write(END + element_bytes(0xFFFCFFFC, "OB", b"", EXPLICIT_LE))
    tracemalloc.start()
    try:
        with part10.open(path) as file:
            _, pixels, padding = file.elements()
            assert pixels.length == 3 * (frame + 8) + 8 > 1 << 32
            assert padding.tag == 0xFFFCFFFC
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


# -- behind the last element ----------------------------------------------------------------------


@pytest.mark.parametrize("rest", [b"\0", bytes(8), bytes(100_000)])
def test_zeros_behind_the_data_set_are_padding(rest: bytes, tmp_path: Path) -> None:
    for last in (b"", fragments(b"", b"xx"), element_bytes(PIXELS, "OW", b"xx", EXPLICIT_LE)):
        with part10.open(save(tmp_path, meta(JPEG), name(), last, rest)) as file:
            elements = file.elements()
            assert file.notes == ("trailing-bytes",)
            assert b"".join(e.raw for e in elements)[-8:] != rest[-8:]
            assert len(elements) == 1 + bool(last)


def test_other_bytes_behind_the_data_set(tmp_path: Path) -> None:
    pixels = element_bytes(PIXELS, "OW", b"xx", EXPLICIT_LE)
    with part10.open(save(tmp_path, meta(), name(), pixels, b"\r\n")) as file:
        assert len(file.elements()) == 2
        assert file.notes == ("trailing-bytes",)
    assert refused(save(tmp_path, meta(), name(), b"\r\n")) == "bad-length"
    assert refused(save(tmp_path, meta(), name(), pixels, b"some text")) == "bad-vr"
    assert refused(save(tmp_path, meta(), bytes(100))) in ("bad-vr", "bad-length")


def test_the_same_element_twice_around_pixel_data(tmp_path: Path) -> None:
    pixels = element_bytes(PIXELS, "OW", b"xx", EXPLICIT_LE)
    other = element_bytes(0x00100010, "PN", b"Roe^Jane", EXPLICIT_LE)
    assert refused(save(tmp_path, meta(), name(), pixels, other)) == "duplicate-element"
    assert refused(save(tmp_path, meta(), pixels, pixels)) == "duplicate-element"


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = save(tmp_path, meta(), element_bytes(0x00104000, "UT", bytes(300_000), EXPLICIT_LE))
    with part10.open(path) as file:
        os.truncate(path, 100_000)
        with pytest.raises(InstanceError) as caught:
            file.elements()
        assert caught.value.code == "changed"


def test_bytes_in_memory_read_like_a_file() -> None:
    data = Path(CT).read_bytes()
    with part10.open(CT) as file:
        in_memory = part10.from_bytes(data)
        assert [(e.tag, e.raw, e.span) for e in in_memory.elements()] == [
            (e.tag, e.raw, e.span) for e in file.elements()
        ]
        assert in_memory.meta == file.meta
        assert in_memory.transfer_syntax != IMPLICIT_VR_LE
    with pytest.raises(InstanceError):
        part10.from_bytes(b"")

"""Writing files: nothing but what was asked for, copies by every way, deflate, what is not held."""

from __future__ import annotations

import os
import random
import threading
import tracemalloc
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from deident import __version__
from deident.dicom import part10
from deident.dicom.elements import EXPLICIT_LE, Span
from deident.dicom.encode import element_bytes
from deident.dicom.parse import Limits
from deident.dicom.source import InflatedSource, MemorySource
from deident.dicom.syntaxes import DEFLATED_EXPLICIT_VR_LE, EXPLICIT_VR_LE, SYNTAXES
from deident.errors import InstanceError
from tests.dicom.support import SC, pieces, rewrite

MEBI = 1 << 20
PIXELS = 0x7FE00010


def name() -> bytes:
    return element_bytes(0x00100010, "PN", b"Doe^Jane", EXPLICIT_LE)


def save(path: Path, size: int, syntax: str = EXPLICIT_VR_LE) -> bytes:
    """Write a file with `size` bytes of pixel data that do not repeat; return its data set."""
    noise = random.Random(size).randbytes(size)
    data = name() + element_bytes(PIXELS, "OW", noise, EXPLICIT_LE)
    deflated = SYNTAXES[syntax].deflated
    deflater = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    written = deflater.compress(data) + deflater.flush() if deflated else data
    path.write_bytes(part10.build_meta(SC, "1.2.3", syntax) + written)
    return data


def after_meta(data: bytes) -> bytes:
    """Return the data set that our reader finds in a file in memory, spans included."""
    file = part10.from_bytes(data)
    return b"".join(c if isinstance(c, bytes) else file.read(*c) for c in pieces(file.elements()))


# -- file meta ------------------------------------------------------------------------------------


def test_file_meta_is_new(tmp_path: Path) -> None:
    data = part10.build_meta("1.2.840.10008.5.1.4.1.1.2", "1.2.34", EXPLICIT_VR_LE)
    assert data[:132] == bytes(128) + b"DICM"
    (tmp_path / "file").write_bytes(data)
    meta = pydicom.dcmread(tmp_path / "file").file_meta
    assert {str(e.keyword): str(e.value) for e in meta} == {
        "FileMetaInformationGroupLength": str(len(data) - 144),
        "FileMetaInformationVersion": "b'\\x00\\x01'",
        "MediaStorageSOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "MediaStorageSOPInstanceUID": "1.2.34",
        "TransferSyntaxUID": EXPLICIT_VR_LE,
        "ImplementationClassUID": part10.IMPLEMENTATION_CLASS_UID,
        "ImplementationVersionName": f"DEIDENT_{__version__}",
    }
    assert meta.ImplementationClassUID.is_valid
    assert len(meta.ImplementationVersionName) <= 16


# -- copies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1000, MEBI + 1, 9 * MEBI])
def test_data_sets_of_any_size_arrive_whole(size: int, tmp_path: Path) -> None:
    data = save(tmp_path / "in", size)
    with part10.open(tmp_path / "in") as file:
        rewrite(file, tmp_path / "out")
    assert (tmp_path / "out").read_bytes()[-len(data) :] == data


def test_copying_into_a_pipe_and_behind_what_is_there(tmp_path: Path) -> None:
    """A pipe takes no `copy_file_range`, an appending descriptor no `sendfile` either."""
    data = save(tmp_path / "in", 9 * MEBI)
    received: list[bytes] = []
    with part10.open(tmp_path / "in") as file:
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb") as pipe:
            reader = threading.Thread(target=lambda: received.append(pipe.read()))
            reader.start()
            file.copy_to(write_end, file.start, len(data))
            os.close(write_end)
            reader.join()
        (tmp_path / "out").write_bytes(b"before")
        with (tmp_path / "out").open("ab") as out:
            file.copy_to(out.fileno(), file.start, len(data))
    assert received == [data]
    assert (tmp_path / "out").read_bytes() == b"before" + data


@pytest.mark.parametrize("size", [100_000, 9 * MEBI])
def test_a_file_that_shrinks_before_it_is_copied(size: int, tmp_path: Path) -> None:
    save(tmp_path / "in", size)
    with part10.open(tmp_path / "in") as file:
        file.elements()
        os.truncate(tmp_path / "in", size // 2)
        with pytest.raises(InstanceError) as caught:
            rewrite(file, tmp_path / "out")
    assert caught.value.code == "changed"


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    save(tmp_path / "in", 9 * MEBI)
    with part10.open(tmp_path / "in") as file, Path("/dev/full").open("wb") as full:
        chunks = pieces(file.elements())
        with pytest.raises(OSError, match="space"):
            part10.write(full.fileno(), b"", chunks, file)
        with pytest.raises(OSError, match="space"):
            part10.write(full.fileno(), b"meta", [], file)


def test_bytes_and_spans_in_any_order(tmp_path: Path) -> None:
    data = save(tmp_path / "in", 1000)
    with part10.open(tmp_path / "in") as file, (tmp_path / "out").open("wb") as out:
        spans = [Span(file.start, 10), Span(file.start + 100, 0), Span(file.start + 5, 7)]
        chunks = [b"a", spans[0], spans[1], b"", b"b" * 3000, b"c", spans[2], b"d"]
        size = part10.write(out.fileno(), b"meta", chunks, file)
    expected = b"metaa" + data[:10] + b"b" * 3000 + b"c" + data[5:12] + b"d"
    assert (tmp_path / "out").read_bytes() == expected
    assert size == len(expected)


@pytest.mark.parametrize("syntax", [EXPLICIT_VR_LE, DEFLATED_EXPLICIT_VR_LE])
def test_pixel_data_are_never_held(syntax: str, tmp_path: Path) -> None:
    save(tmp_path / "in", 16 * MEBI, syntax)
    tracemalloc.start()
    try:
        with part10.open(tmp_path / "in") as file:
            rewrite(file, tmp_path / "out")
        assert tracemalloc.get_traced_memory()[1] < 8 * MEBI
    finally:
        tracemalloc.stop()


# -- deflated data sets ---------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [s for s in SYNTAXES if SYNTAXES[s].deflated])
@pytest.mark.parametrize("size", [0, 1000, 3 * MEBI])
def test_deflated_data_sets(syntax: str, size: int, tmp_path: Path) -> None:
    data = save(tmp_path / "in", size, syntax)
    with part10.open(tmp_path / "in") as file:
        assert (file.deflated, file.transfer_syntax, file.start) == (True, syntax, 0)
        assert [e.tag for e in file.elements()] == [0x00100010, PIXELS]
        rewrite(file, tmp_path / "out")
    written = (tmp_path / "out").read_bytes()
    assert (len(written) - len(part10.build_meta(SC, "2.25.1", syntax))) % 2 == 0
    assert after_meta(written) == data
    if syntax == DEFLATED_EXPLICIT_VR_LE:
        assert pydicom.dcmread(tmp_path / "out") == pydicom.dcmread(tmp_path / "in")


def test_deflated_bytes_are_read_in_any_order() -> None:
    data = random.Random(1).randbytes(3 * MEBI)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    source = InflatedSource(
        MemorySource(b"xx" + deflater.compress(data) + deflater.flush()), 2, 4 * MEBI, 1000
    )
    for offset, length in [(0, 10), (10, 0), (5, 10), (2 * MEBI, MEBI), (MEBI, 5), (len(data), 1)]:
        assert source.read(offset, length) == data[offset : offset + length]
    assert source.size == len(data)
    assert source.read(0, len(data) + 5) == data
    with pytest.raises(InstanceError):
        list(source.chunks(len(data) - 1, 2))


def deflated(path: Path, data: bytes) -> Path:
    path.write_bytes(part10.build_meta(SC, "1.2.3", DEFLATED_EXPLICIT_VR_LE) + data)
    return path


def test_bombs(tmp_path: Path) -> None:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    head = name() + element_bytes(PIXELS, "OW", b"", EXPLICIT_LE)[:-4] + b"\0\0\0\x08"
    parts = [deflater.compress(head)] + [deflater.compress(bytes(MEBI)) for _ in range(128)]
    path = deflated(tmp_path / "bomb", b"".join(parts) + deflater.flush())
    codes = {Limits(inflated=100 * MEBI): "too-large", Limits(ratio=100): "bad-deflate"}
    tracemalloc.start()
    try:
        for limits, code in codes.items():
            with part10.open(path, limits) as file, pytest.raises(InstanceError) as caught:
                file.elements()
            assert caught.value.code == code
        assert tracemalloc.get_traced_memory()[1] < 8 * MEBI
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("data", [b"", b"no deflate stream", zlib.compress(name())])
def test_what_is_not_deflated(data: bytes, tmp_path: Path) -> None:
    with (
        pytest.raises(InstanceError) as caught,
        part10.open(deflated(tmp_path / "x", data)) as file,
    ):
        file.elements()
    assert caught.value.code == "bad-deflate"


def test_a_damaged_end_is_noticed_before_anything_is_written(tmp_path: Path) -> None:
    save(tmp_path / "in", 3 * MEBI, DEFLATED_EXPLICIT_VR_LE)
    os.truncate(tmp_path / "in", (tmp_path / "in").stat().st_size - 10)
    with part10.open(tmp_path / "in") as file, pytest.raises(InstanceError) as caught:
        file.elements()
    assert caught.value.code == "bad-deflate"


def test_what_lies_behind_the_deflated_stream_is_not_copied(tmp_path: Path) -> None:
    save(tmp_path / "in", 1000, DEFLATED_EXPLICIT_VR_LE)
    with (tmp_path / "in").open("ab") as out:
        out.write(b"Doe^Jane")
    with part10.open(tmp_path / "in") as file:
        rewrite(file, tmp_path / "out")
    assert not (tmp_path / "out").read_bytes().endswith(b"Doe^Jane")


def test_the_wheels_deflated_file(tmp_path: Path) -> None:
    path = str(get_testdata_file("image_dfl.dcm"))
    with part10.open(path) as file:
        rewrite(file, tmp_path / "out")
    assert pydicom.dcmread(tmp_path / "out") == pydicom.dcmread(path)

"""What `Prepared.preview` shows is what `Prepared.write` writes; sources that are put together."""

from __future__ import annotations

from tempfile import TemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from deident.app.api import identity_of
from deident.dicom import part10
from deident.dicom.elements import Span, walk
from deident.dicom.source import AssembledSource, MemorySource
from deident.engine.plan import Plan
from deident.engine.process import Engine
from deident.errors import InstanceError
from deident.profiles.loader import load
from tests.make import BUILDERS, PEOPLE, encoded

_SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)


def _engine() -> Engine:
    profile = load("basic", ["retain-safe-private"])
    return Engine(Plan(profile), identity_of(profile, bytes(32)))


def _flat(file: part10.Part10File) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for path, element in walk(file.elements()):
        span = element.span
        bulk = b"".join(file.source.chunks(span.offset, span.length)) if span else element.raw
        found.append((path, element.tag, element.vr, bulk))
    return found


@pytest.mark.parametrize("syntax", _SYNTAXES, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("kind", sorted(set(BUILDERS) - {"ultrasound"}))
def test_a_preview_is_what_is_written(kind, syntax):
    data = encoded(BUILDERS[kind](PEOPLE[0]), syntax)
    with _engine().prepare_bytes(data) as prepared, TemporaryFile() as file:
        size = prepared.write(file.fileno())
        file.seek(0)
        written = part10.from_bytes(file.read())
        preview = prepared.preview()
        assert _flat(preview) == _flat(written)
        assert preview.meta == written.meta
        assert preview.transfer_syntax == written.transfer_syntax == syntax
        assert preview.size == size or syntax == DeflatedExplicitVRLittleEndian


def test_a_preview_of_compressed_frames():
    data = encoded(BUILDERS["ultrasound"](PEOPLE[0]))
    with _engine().prepare_bytes(data) as prepared, TemporaryFile() as file:
        prepared.write(file.fileno())
        file.seek(0)
        assert _flat(prepared.preview()) == _flat(part10.from_bytes(file.read()))


_CHUNKS = st.lists(
    st.one_of(st.binary(max_size=9), st.builds(Span, st.integers(0, 20), st.integers(0, 9)))
)


@given(_CHUNKS, st.integers(0, 60), st.integers(0, 60))
def test_assembled_bytes_are_those_of_the_pieces(chunks, offset, length):
    base = bytes(range(30))
    whole = b"".join(
        base[chunk.offset : chunk.offset + chunk.length] if isinstance(chunk, Span) else chunk
        for chunk in chunks
    )
    source = AssembledSource(chunks, MemorySource(base))
    assert source.size == len(whole)
    assert source.read(offset, length) == whole[offset : offset + length]
    if offset + length <= len(whole):
        assert b"".join(source.chunks(offset, length)) == whole[offset : offset + length]
        with TemporaryFile() as file:
            source.copy_to(file.fileno(), offset, length)
            file.seek(0)
            assert file.read() == whole[offset : offset + length]
    else:
        with pytest.raises(InstanceError, match="changed"):
            b"".join(source.chunks(offset, length))

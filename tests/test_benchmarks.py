"""The benchmark measures what it says, and does not count bad outputs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pydicom
import pytest

from benchmarks import corpora, report, run
from benchmarks.check import Verdict, check, pixel_digests
from benchmarks.contestants import CONTESTANTS
from benchmarks.measure import measure
from benchmarks.report import Row

_SPECS = {spec.name: spec for spec in (*corpora.SPECS, corpora.BIG)}
_COPY, _LOOP = (
    next(one for one in CONTESTANTS if one.name == name) for name in ("cp -r", "pydicom loop")
)


@pytest.mark.parametrize("name", _SPECS)
def test_corpora_are_what_they_claim(name: str, tmp_path: Path) -> None:
    spec = _SPECS[name]
    corpus = corpora.corpus(spec, tmp_path, smoke=True)
    files = sorted(corpus.folder.iterdir())
    assert len(files) == corpus.number == spec.smoke_number
    assert sum(path.stat().st_size for path in files) == corpus.size
    read = [pydicom.dcmread(path) for path in files]
    assert len({one.SOPInstanceUID for one in read}) == len(files)
    assert {str(one.PatientName) for one in read} == {person.name for person in spec.people}
    if "PixelData" in read[0] and name != "us":
        frames = int(read[0].get("NumberOfFrames", 1))
        assert len(read[0].PixelData) == frames * 2 * read[0].Rows * read[0].Columns


def test_a_corpus_is_made_once_and_always_the_same(tmp_path: Path) -> None:
    first = corpora.corpus(_SPECS["mr"], tmp_path, smoke=True)
    bytes_of_first = [path.read_bytes() for path in sorted(first.folder.iterdir())]
    stamp = min(path.stat().st_mtime_ns for path in first.folder.iterdir())
    again = corpora.corpus(_SPECS["mr"], tmp_path, smoke=True)
    assert min(path.stat().st_mtime_ns for path in again.folder.iterdir()) == stamp
    shutil.rmtree(first.folder)
    anew = corpora.corpus(_SPECS["mr"], tmp_path, smoke=True)
    assert [path.read_bytes() for path in sorted(anew.folder.iterdir())] == bytes_of_first


def _verdict(corpus: corpora.Corpus, out: Path, *, strict: bool = False) -> Verdict:
    pixels = pixel_digests(corpus.folder)
    return check(corpus, pixels, out, strict=strict, deidentifies=True)


def test_check_wants_every_file_its_pixels_and_another_name(tmp_path: Path) -> None:
    corpus = corpora.corpus(_SPECS["ct"], tmp_path, smoke=True)
    out = tmp_path / "out"
    shutil.copytree(corpus.folder, out)
    assert "Patient's Name unchanged in 9" in _verdict(corpus, out).problems
    assert "uid" in _verdict(corpus, out).left

    victim = min(out.iterdir())
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    assert "pixel bytes of 1 files differ" in _verdict(corpus, out).problems

    victim.unlink()
    assert "8 of 9 files" in _verdict(corpus, out).problems

    victim.write_bytes(b"no DICOM here")
    assert _verdict(corpus, out).problems[0].startswith("not readable again")


def test_check_reads_fragments_without_their_offset_table(tmp_path: Path) -> None:
    corpus = corpora.corpus(_SPECS["us"], tmp_path, smoke=True)
    out = tmp_path / "out"
    shutil.copytree(corpus.folder, out)
    for path in out.iterdir():
        read = pydicom.dcmread(path)
        frames = list(pydicom.encaps.generate_frames(read.PixelData, number_of_frames=3))
        read.PixelData = pydicom.encaps.encapsulate(frames, has_bot=False)
        read.PatientName = "Somebody^Else"
        read.save_as(path)
    assert _verdict(corpus, out).problems == ()
    assert "identifiers left" in _verdict(corpus, out, strict=True).problems[0]


def test_race_counts_good_outputs_only(tmp_path: Path) -> None:
    corpus = corpora.corpus(_SPECS["ct"], tmp_path, smoke=True)
    liar = _COPY._replace(name="liar", deidentifies=True)
    crash = _COPY._replace(name="crash", command=lambda source, out, scratch: ["false"])
    raced = run.race(corpus, [_COPY, _LOOP, liar, crash], 2, tmp_path / "runs")
    rows = {row.program: row for row in raced}
    assert rows["cp -r"].problems == ()
    assert len(rows["cp -r"].walls) == 2
    assert rows["pydicom loop"].problems == ()
    assert rows["liar"].problems == ("Patient's Name unchanged in 9",)
    assert rows["crash"].problems[0] == "exit code 1"
    assert "does not count" in report.table(list(rows.values()))


def test_memory_of_a_command_is_its_own(tmp_path: Path) -> None:
    ballast = bytearray(b"x") * (200 << 20)
    small = measure([sys.executable, "-c", "pass"], tmp_path / "log")
    large = measure([sys.executable, "-c", "x = bytearray(b'x') * (100 << 20)"], tmp_path / "log")
    assert len(ballast) > large.peak > 100 << 20
    assert small.peak < 50 << 20
    assert (small.exit_code, large.exit_code) == (0, 0)


def test_report_says_which_targets_are_met(tmp_path: Path) -> None:
    def row(program: str, wall: float, *problems: str) -> Row:
        walls = (wall, 9 * wall, 2 * wall)
        return Row("ct", program, walls, wall, 50 << 20, 1000, problems, ())

    rows = [row("cp -r", 1), row("deident -j1", 2), row("gdcmanon", 3), row("deident -j2", 1, "no")]
    report.write(tmp_path, rows, {"python -c pass": 0.01, "deident --version": 0.06}, {"k": "v"})
    text = (tmp_path / "latest.md").read_text()
    assert "| ct: deident -j1 ≤ 2.5 × cp -r | 2.00 × | yes |" in text
    assert "| ct: deident -j1 ≤ 0.5 × gdcmanon | 0.67 × | no |" in text
    assert "| deident --version ≤ 5 × python -c pass | 6.00 × | no |" in text
    assert "deident -j2 ≤" not in text


@pytest.mark.parametrize(("keep", "left"), [(True, ["corpora"]), (False, [])])
def test_workplace_cleans_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool, left: list[str]
) -> None:
    monkeypatch.setenv("DEIDENT_BENCH_DIR", str(tmp_path / "bench"))
    with corpora.workplace(keep=keep, smoke=False) as (cache, scratch):
        corpora.corpus(_SPECS["sr"], cache, smoke=True)
        scratch.mkdir()
    bench = tmp_path / "bench"
    assert [path.name for path in bench.iterdir()] == left if keep else not bench.exists()

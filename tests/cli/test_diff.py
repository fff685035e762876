"""`deident diff`: statuses, reasons, hidden values, folders; a run explains all that it does."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from deident.app.differing import compare
from deident.app.reading import open_instance
from deident.app.reasons import Reasoner
from deident.cli.main import main
from deident.profiles.loader import load
from tests.make import BUILDERS, PEOPLE, ct, encoded, enhanced_mr, report, save

ONE = PEOPLE[0]


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    code = main(["diff", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def compared(capsys, *arguments: object) -> dict:
    """What `--json` says, whose exit code goes with it."""
    code, out, err = run(capsys, *arguments, "--json")
    found = json.loads(out)
    deviates = found["unexpected"] or found.get("failure") or found.get("failures")
    assert (code, err) == (4 if deviates else 0, "")
    return found


def cleaned(capsys, source: Path, *options: str) -> Path:
    """De-identify one file; return what came out."""
    out = source.with_suffix(".out")
    assert main(["run", str(source), "-o", str(out), "--quiet", *options]) in (0, 4)
    capsys.readouterr()
    (path,) = out.rglob("*.dcm")
    return path


def small() -> Dataset:
    made = ct(ONE, size=4)
    keep = {"SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID",
            "PatientName", "Modality", "OtherPatientIDsSequence", "Rows", "PixelData"}  # fmt: skip
    for element in list(made):
        if element.keyword not in keep:
            del made[element.tag]
    made.PatientReligiousPreference = "any"
    return made


GOLDEN = """\
9 changed, 2 removed, 5 added, 7 the same
all of it is what profile basic does
~ (0002,0000) UL FileMetaInformationGroupLength        ••• (≤ 8) → NEW  [structure: PS3.10 7.1, made new]
~ (0002,0003) UI MediaStorageSOPInstanceUID            ••• (≤ 64) → NEW  [structure: PS3.10 7.1, made new]
~ (0002,0012) UI ImplementationClassUID                ••• (≤ 64) → NEW  [structure: PS3.10 7.1, made new]
~ (0002,0013) SH ImplementationVersionName             ••• (≤ 16) → NEW  [structure: PS3.10 7.1, made new]
~ (0008,0018) UI SOPInstanceUID                        ••• (≤ 64) → NEW  [uid U: Table E.1-1 (0008,0018)]
~ (0010,0010) PN PatientName                           ••• (≤ 64) → NEW  [pseudonym Z: Table E.1-1 (0010,0010)]
~ (0010,0020) LO PatientID                             ••• (≤ 16) → NEW  [pseudonym Z: Table E.1-1 (0010,0020)]
- (0010,1002) SQ OtherPatientIDsSequence               1 item with 3 elements  [remove X: Table E.1-1 (0010,1002)]
- (0010,21F0) LO PatientReligiousPreference            ••• (≤ 8)  [remove X: Table E.1-1 (0010,21F0)]
+ (0012,0062) CS PatientIdentityRemoved                NEW  [insert: PS3.15 E.1.1]
+ (0012,0063) LO DeidentificationMethod                NEW  [insert: PS3.15 E.1.1]
+ (0012,0064) SQ DeidentificationMethodCodeSequence    NEW  [insert: PS3.15 E.1.1]
+ (0018,A001) SQ ContributingEquipmentSequence         NEW  [insert: PS3.15 E.1.1]
~ (0020,000D) UI StudyInstanceUID                      ••• (≤ 64) → NEW  [uid U: Table E.1-1 (0020,000D)]
~ (0020,000E) UI SeriesInstanceUID                     ••• (≤ 64) → NEW  [uid U: Table E.1-1 (0020,000E)]
+ (0028,0303) CS LongitudinalTemporalInformationModified  NEW  [insert: PS3.15 E.1.1]
"""  # noqa: E501


def test_a_small_file_line_by_line(capsys, tmp_path):
    path = save(small(), tmp_path / "a.dcm")
    code, out, err = run(capsys, path, cleaned(capsys, path))
    assert (code, err) == (0, "")
    got = re.sub(r"→ .+?  \[", "→ NEW  [", out)
    got = re.sub(r"(?m)^(\+.{51,}?)  (?:\S.*?)  \[", r"\1  NEW  [", got)
    assert got == GOLDEN


def test_the_same_file_twice(capsys, tmp_path):
    path = save(small(), tmp_path / "a.dcm")
    whole = compared(capsys, path, path)
    assert set(whole["counts"]) == {"same"}
    # all that should have been done was not
    assert whole["unexpected"] > 5
    assert all(one["status"] == "same" and not one["expected"] for one in whole["differences"])


def test_original_values_are_hidden_unless_asked_for(capsys, tmp_path):
    for number, builder in enumerate(BUILDERS.values()):
        for person in (PEOPLE[0], PEOPLE[9]):
            path = save(builder(person), tmp_path / f"{number}-{person.number}.dcm")
            new = cleaned(capsys, path)
            for flags in ([], ["--json"], ["--all"]):
                code, out, _ = run(capsys, path, new, *flags)
                assert code == 0
                for needle, kind in person.needles().items():
                    assert needle not in out.encode(), (kind, flags)
            assert person.patient_id in run(capsys, path, new, "--values")[1]
            assert person.patient_id in run(capsys, path, new, "--values", "--json")[1]


@pytest.mark.parametrize("kind", sorted(BUILDERS))
@pytest.mark.parametrize(
    "options",
    [
        (), ("retain-uids", "retain-device-identity"),
        ("retain-modified-dates", "retain-safe-private", "retain-patient-characteristics"),
    ],
)  # fmt: skip
def test_a_run_does_what_diff_expects_of_it(capsys, tmp_path, kind, options):
    path = save(BUILDERS[kind](PEOPLE[3]), tmp_path / "a.dcm")
    new = cleaned(capsys, path, *(word for option in options for word in ("--with", option)))
    whole = compared(capsys, path, new)
    assert set(whole["profile"]["options"]) == set(options)  # read off the output
    assert whole["failure"] == ""
    assert [one for one in whole["differences"] if not one["expected"]] == []
    assert whole["unexpected"] == 0


@pytest.mark.samples
def test_runs_over_the_samples_do_what_diff_expects(capsys, samples, tmp_path):
    out = tmp_path / "out"
    assert main(["run", str(samples), "-o", str(out), "-j", "2", "--quiet"]) == 3
    capsys.readouterr()
    whole = compared(capsys, samples, out, "--project", f"{out}.deident-project")
    assert whole["pairs"] > 200
    assert whole["cleaned_alone"] == 0
    assert whole["unexpected"] == 0
    assert whole["failures"] == {}


def test_what_other_programs_did_before_is_not_taken_for_a_run_s_options(capsys, tmp_path):
    made = small()
    made.DeidentificationMethod = ["Deidentified", "Dates modified"]
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "113107", "DCM"
    code.CodeMeaning = "Retain Longitudinal Temporal Information Modified Dates Option"
    made.DeidentificationMethodCodeSequence = [code]
    for options, claimed in (([], []), (["--with", "retain-uids"], ["retain-uids"])):
        path = save(made, tmp_path / f"{len(options)}.dcm")
        whole = compared(capsys, path, cleaned(capsys, path, *options))
        assert whole["profile"]["options"] == claimed
        assert whole["unexpected"] == 0


def test_another_profile_does_not_explain(capsys, tmp_path):
    path = save(small(), tmp_path / "a.dcm")
    new = cleaned(capsys, path, "--with", "retain-uids")
    code, out, _ = run(capsys, path, new, "--profile", "basic")
    assert code == 4
    assert "of them are not what profile basic does" in out
    (line,) = [line for line in out.splitlines() if " SOPInstanceUID " in line]
    assert line.startswith("= ")
    assert line.endswith(" !")


def test_what_somebody_changed_afterwards_is_not_explained(capsys, tmp_path):
    path = save(small(), tmp_path / "a.dcm")
    new = cleaned(capsys, path)
    tampered = dcmread(new)
    tampered.Rows = 8
    tampered.PatientComments = "added"
    del tampered.Modality
    tampered.PixelData = bytes(reversed(tampered.PixelData))
    tampered.save_as(tmp_path / "tampered.dcm")
    found = compared(capsys, path, tmp_path / "tampered.dcm")["differences"]
    odd = {one["name"]: one["status"] for one in found if not one["expected"]}
    assert odd == {
        "Rows": "changed", "PatientComments": "added", "Modality": "removed",
        "PixelData": "changed",
    }  # fmt: skip
    (pixels,) = [one for one in found if one["name"] == "PixelData"]
    assert pixels["before_sha256"] != pixels["after_sha256"]


def test_with_the_key_new_values_are_checked_too(capsys, tmp_path):
    path = save(small(), tmp_path / "a.dcm")
    new = cleaned(capsys, path)
    tampered = dcmread(new)
    tampered.PatientName = "DEID-SOMEBODYELSE"
    tampered.save_as(tmp_path / "tampered.dcm")
    assert compared(capsys, path, tmp_path / "tampered.dcm")["unexpected"] == 0
    project = tmp_path / "a.out.deident-project"
    assert compared(capsys, path, new, "--project", project)["unexpected"] == 0
    found = compared(capsys, path, tmp_path / "tampered.dcm", "--project", project)
    assert [one["name"] for one in found["differences"] if not one["expected"]] == ["PatientName"]


def test_supplementary_rules_say_why(capsys, tmp_path):
    made = small()
    made.add_new(0x00100033, "LO", "15 Shawwal")  # birth date in another calendar
    path = save(made, tmp_path / "a.dcm")
    out = run(capsys, path, cleaned(capsys, path))[1]
    (line,) = [line for line in out.splitlines() if "(0010,0033)" in line]
    assert "supplement (0010,0033). Tells a birth or death date" in line


def test_places_inside_sequences_are_named(capsys, tmp_path):
    path = save(BUILDERS["structure-set"](ONE), tmp_path / "a.dcm")
    found = compared(capsys, path, cleaned(capsys, path))["differences"]
    nested = {one["path"]: one for one in found if "[" in one["path"]}
    place = "ROIContourSequence[1]/ContourSequence[1]/ContourImageSequence[1]"
    referenced = nested[f"{place}/ReferencedSOPInstanceUID"]
    assert referenced["status"] == "changed"
    assert referenced["why"]["code"] == "U"


def test_all_lists_what_is_the_same(capsys, tmp_path):
    path = save(small(), tmp_path / "a.dcm")
    new = cleaned(capsys, path)
    out = run(capsys, path, new, "--all")[1]
    assert "= (0028,0010) US Rows                                  4  [keep K: " in out
    assert (
        "= (7FE0,0010) OW PixelData                             <32 bytes>  sha256"
        in out.replace("> sha256", ">  sha256")
    )
    counts = compared(capsys, path, new, "--all")
    assert len(counts["differences"]) == sum(counts["counts"].values())


def test_encapsulated_pixels_are_compared_by_hash(capsys, tmp_path):
    path = Path(get_testdata_file("MR_small_RLE.dcm", download=False))
    assert dcmread(path).file_meta.TransferSyntaxUID == RLELossless
    copy = tmp_path / "a.dcm"
    copy.write_bytes(path.read_bytes())
    found = compared(capsys, copy, cleaned(capsys, copy), "--all")["differences"]
    (pixels,) = [one for one in found if one["name"] == "PixelData"]
    assert pixels["status"] == "same"
    assert pixels["before_sha256"] == pixels["after_sha256"] != ""
    assert pixels["after"].startswith("<1 fragment, ")


def test_a_preamble_that_was_used_is_noted(capsys, tmp_path):
    data = bytearray(encoded(small()))
    data[:4] = b"II*\0"
    path = tmp_path / "a.dcm"
    path.write_bytes(bytes(data))
    out = run(capsys, path, cleaned(capsys, path))[1]
    assert "note: the preamble of the original was not empty; now it is" in out


def test_an_original_that_would_be_quarantined(capsys, tmp_path):
    good = save(small(), tmp_path / "a.dcm")
    made = small()
    made.PatientName = "MARK"
    (tmp_path / "bad.dcm").write_bytes(encoded(made).replace(b"MARK", b"M\xfc  "))
    code, out, _ = run(capsys, tmp_path / "bad.dcm", good)
    assert code == 4
    assert "profile basic would quarantine the original: " in out
    assert "[bad-charset]" in out


def test_values_cannot_steer_the_terminal(capsys, tmp_path):
    made = small()
    made.PatientName = "A^\x1b[31mB"
    one = save(made, tmp_path / "a.dcm")
    made.PatientName = "C^\x9b31mD\u202e"
    made.SpecificCharacterSet = "ISO_IR 192"
    other = save(made, tmp_path / "b.dcm")
    _, out, _ = run(capsys, one, other, "--values")
    assert all(char.isprintable() or char == "\n" for char in out)
    assert "A^␛[31mB" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{file}", "/nowhere"], "no such file or folder: /nowhere [input-missing]"),
        (["{file}"], "Missing argument 'CLEANED'"),
        (["{file}", "{tmp}"], "compare two files or two folders [usage]"),
        (["{file}", "{file}", "--profile", "basik"], "no profile 'basik'"),
        (["{file}", "{file}", "--with", "retain-uid"], "did you mean retain-uids?"),
        (["{file}", "{file}", "--project", "{tmp}"], "[project-invalid]"),
    ],
)
def test_wrong_calls_are_one_line(capsys, tmp_path, arguments, said):
    path = save(small(), tmp_path / "a.dcm")
    code, out, err = run(capsys, *[text.format(file=path, tmp=tmp_path) for text in arguments])
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_file_that_cannot_be_read(capsys, tmp_path):
    path = save(small(), tmp_path / "a.dcm")
    (tmp_path / "b\n.dcm").write_bytes(b"nothing")
    code, out, err = run(capsys, path, tmp_path / "b\n.dcm")
    assert (code, out) == (3, "")
    assert err == f"Error: {tmp_path}/b\\n.dcm: not a DICOM file [not-dicom]\n"


# -- folders --------------------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path) -> Path:
    for number in (1, 2, 3):
        save(ct(ONE, number, size=4), tmp_path / f"in/ct/{number}.dcm")
    save(report(ONE), tmp_path / "in/sr.dcm")
    (tmp_path / "in/readme.txt").write_text("no image")
    return tmp_path / "in"


def _run(capsys, study: Path, *options: str) -> Path:
    out = study.parent / "out"
    assert main(["run", str(study), "-o", str(out), "--quiet", *options]) in (0, 4)
    capsys.readouterr()
    return out


def test_folders_of_a_run_are_paired_by_its_project(capsys, study):
    out = _run(capsys, study)
    whole = compared(capsys, study, out, "--project", f"{out}.deident-project")
    assert (whole["pairs"], whole["originals_alone"], whole["cleaned_alone"]) == (4, 0, 0)
    assert whole["unexpected"] == 0
    times = Counter({(one["tag"], one["status"]): one["times"] for one in whole["differences"]})
    assert times["00100010", "changed"] == 4
    assert times["0020000D", "changed"] == 4
    for flags in ([], ["--json"]):
        shown = run(capsys, study, out, "--project", f"{out}.deident-project", *flags)[1]
        assert not [needle for needle in ONE.needles() if needle in shown.encode()]


def test_outputs_that_were_moved_are_paired_by_the_key(capsys, study, tmp_path):
    out = _run(capsys, study)
    for number, path in enumerate(sorted(out.rglob("*.dcm"))):
        path.rename(tmp_path / f"moved-{number}")
    moved = tmp_path / "moved"
    moved.mkdir()
    for path in tmp_path.glob("moved-*"):
        path.rename(moved / path.name)
    whole = compared(capsys, study, moved, "--project", f"{out}.deident-project")
    assert (whole["pairs"], whole["originals_alone"], whole["cleaned_alone"]) == (4, 0, 0)


def test_kept_uids_pair_without_a_project(capsys, study):
    out = _run(capsys, study, "--with", "retain-uids")
    code, shown, _ = run(capsys, study, out)
    assert code == 0
    assert shown.startswith("4 pairs compared, 0 originals without a cleaned instance, 0 cleaned")
    assert "all of it is what profile basic with retain-uids does" in shown
    assert re.search(r"(?m)^~ \(0010,0010\) +4  PatientName +\[pseudonym Z: ", shown)


def test_equal_paths_pair_without_a_project(capsys, study):
    out = _run(capsys, study, "--layout", "mirror", "--keep-names")
    assert compared(capsys, study, out)["pairs"] == 4


def test_without_anything_to_go_by_nothing_is_paired(capsys, study):
    out = _run(capsys, study)
    code, shown, _ = run(capsys, study, out)
    assert code == 5
    assert "0 pairs compared, 4 originals without a cleaned instance, 4 cleaned" in shown
    assert "Give --project" in shown


def test_ambiguous_uids_are_not_paired(capsys, tmp_path):
    made = ct(ONE, size=4)
    save(made, tmp_path / "in/a.dcm")
    save(made, tmp_path / "out/x/1.dcm")
    made.Rows = 5
    save(made, tmp_path / "out/x/2.dcm")
    code, shown, _ = run(capsys, tmp_path / "in", tmp_path / "out")
    assert code == 5
    assert "2 cleaned instances without an original" in shown


# -- whatever is in there -------------------------------------------------------------------------


@given(st.data())
def test_any_two_readable_files_are_compared(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("any")
    reasoner = Reasoner(load("basic"))
    paths = []
    for name in ("a", "b"):
        damaged = bytearray(encoded(enhanced_mr(PEOPLE[1])))
        for _ in range(data.draw(st.integers(0, 6))):
            damaged[data.draw(st.integers(400, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        paths.append(folder / name)
        paths[-1].write_bytes(bytes(damaged))
    code = main(["diff", *map(str, paths)])
    assert code in (0, 3, 4)
    if code != 3:
        with open_instance(str(paths[0])) as one, open_instance(str(paths[1])) as other:
            found = compare(one, other, reasoner, same=True)
        assert len(found.differences) == sum(found.counts.values())

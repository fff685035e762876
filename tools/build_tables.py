"""Make the JSON files of `src/deident/tables` from their sources; `SOURCES.md` there names these.

    python tools/build_tables.py --standard DIR [--highdicom WHEEL] [--into DIR]

DIR holds the extracts of PS3.15 and PS3.16; pydicom gives the dictionary and the UIDs; the wheel of
highdicom gives the attribute types (without it that file is left as it is). `supplement.json` is
written by hand.
Every row goes on a line of its own, so that a new edition shows as a readable difference.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom._uid_dict import UID_dictionary

ROOT = Path(__file__).resolve().parents[1]
TABLES = ROOT / "src" / "deident" / "tables"

# The option columns of PS3.15 under the names that profiles use.
OPTION_NAMES = {
    "retain_safe_private": "retain-safe-private",
    "retain_uids": "retain-uids",
    "retain_device_identity": "retain-device-identity",
    "retain_institution_identity": "retain-institution-identity",
    "retain_patient_characteristics": "retain-patient-characteristics",
    "retain_longitudinal_full_dates": "retain-full-dates",
    "retain_longitudinal_modified_dates": "retain-modified-dates",
    "clean_descriptors": "clean-descriptors",
    "clean_structured_content": "clean-structured-content",
    "clean_graphics": "clean-graphics",
    "clean_pixel_data": "clean-pixel-data",
    "clean_recognizable_visual_features": "clean-recognizable-visual-features",
}
# The VR to work with where PS3.6 allows several; a reader of Implicit VR needs one (PS3.5 A.1).
WORKING_VR = {
    "US or SS": "US",
    "OB or OW": "OW",
    "US or OW": "OW",
    "US or SS or OW": "OW",
}
TYPES = ("1", "1C", "2", "2C", "3")  # strongest first
KINDS = ("SOP Class", "Meta SOP Class", "Transfer Syntax")  # first in registered_uids.json


def digest(rows: Any) -> str:
    """Return the SHA-256 of rows in a canonical JSON form; each built file carries its own."""
    text = json.dumps(rows, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def source(folder: Path, name: str) -> dict[str, Any]:
    """Read one of the extracts."""
    data: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return data


def _row(pattern: str, vr: str, vm: str, keyword: str, name: str, retired: bool) -> str:
    several = vr if " or " in vr else ""
    vr = WORKING_VR.get(vr, vr)
    return "|".join((pattern, vr, vm, keyword, name, "R" if retired else "", several))


def attributes(folder: Path) -> dict[str, Any]:
    """PS3.6 as pydicom has it, with the attributes that only Table E.1-1 has."""
    rows = {
        tag: _row(f"{tag:08X}", vr, vm, keyword, name, retired != "")
        for tag, (vr, vm, name, retired, keyword) in DicomDictionary.items()
        if vr != "NONE"  # item delimiters have no VR and are no attributes
    }
    for entry in source(folder, "ps3.15_table_e1-1.json")["rows"]:
        if entry["kind"] != "tag":
            continue
        tag = int(entry["tag"], 16)
        rows[tag] = _row(*(entry[k] for k in ("tag", "vr", "vm", "keyword", "name", "retired")))
    masks = [
        _row(pattern, vr, vm, keyword, name, retired != "")
        for pattern, (vr, vm, name, retired, keyword) in sorted(RepeatersDictionary.items())
    ]
    lines = [rows[tag] for tag in sorted(rows)]
    return {
        "vrs": sorted({line.split("|")[1] for line in lines}),
        "masks": masks,
        "rows": lines,
    }


def _options(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: row[key] for key, name in OPTION_NAMES.items() if key in row}


def annex_e(folder: Path) -> dict[str, Any]:
    """PS3.15 Table E.1-1: pattern, basic action, actions of the options, flags I(OD), R(etired)."""
    rows = [
        [
            row["tag"],
            row["basic"],
            _options(row),
            ("I" if row["in_std_iod"] else "") + ("R" if row["retired"] else ""),
        ]
        for row in source(folder, "ps3.15_table_e1-1.json")["rows"]
    ]
    return {"edition": "2026d", "rows": sorted(rows, key=lambda row: row[0])}


def safe_private(folder: Path) -> dict[str, Any]:
    """PS3.15 Table E.3.10-1: tag, creator, VR, VM, meaning."""
    rows = source(folder, "ps3.15_table_e3.10-1_safe_private.json")["rows"]
    fields = ("tag", "creator", "vr", "vm", "meaning")
    lines = sorted([row[field] for field in fields] for row in rows)
    return {"edition": "2026d", "rows": lines}


def structured_content(folder: Path) -> dict[str, Any]:
    """PS3.15 Table E.3.4-1: scheme, code, meaning, value type, basic action, options."""
    rows = source(folder, "ps3.15_table_e3.4-1_structured_content.json")["rows"]
    fields = ("scheme", "code", "meaning", "value_type", "basic")
    lines = sorted([*(row[field] for field in fields), _options(row)] for row in rows)
    return {"edition": "2026c", "rows": lines}


def methods(folder: Path) -> dict[str, Any]:
    """PS3.16 CID 7050 by option name: code, scheme, meaning."""
    rows = source(folder, "ps3.16_cid7050.json")["rows"]
    return {
        "edition": "2026d",
        "rows": {
            OPTION_NAMES.get(row["key"], row["key"]): [row["code"], row["scheme"], row["meaning"]]
            for row in rows
        },
    }


def registered_uids() -> dict[str, Any]:
    """PS3.6 Annex A as pydicom has it: UIDs by kind."""
    kinds: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for uid, (_, kind, *_) in UID_dictionary.items():
        kinds.setdefault(kind, []).append(uid)
    return {"kinds": {kind: sorted(uids) for kind, uids in kinds.items()}}


def sop_classes() -> dict[str, Any]:
    """PS3.6 Annex A as pydicom has it: what SOP classes are called."""
    named = {uid: name for uid, (name, kind, *_) in UID_dictionary.items() if kind == "SOP Class"}
    return {"names": dict(sorted(named.items()))}


def _runs(numbers: Iterable[int]) -> str:
    """Write ascending numbers as `3 5-9 12`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return " ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def attribute_types(wheel: Path, tags: Mapping[str, str]) -> dict[str, Any]:
    """PS3.3: which attribute has which type below which sequence in which IOD.

    `entries` are "parent tag/tag type", the parent being 0 at the top level; `modules` name the
    entries that a module has; `iods` the modules of an IOD; `sop` the IOD of a SOP class.
    """
    with zipfile.ZipFile(wheel) as archive:
        by_module, iods, sop = (
            json.loads(archive.read(f"highdicom/_standard/{name}.json"))
            for name in ("module_attribute_map", "iod_module_map", "sop_class_iod_map")
        )
    used = sorted({module["key"] for modules in iods.values() for module in modules})
    used = [module for module in used if module in by_module]
    strongest: dict[str, dict[str, str]] = {module: {} for module in used}
    for module in used:
        for attribute in by_module[module]:
            if attribute["type"] not in TYPES or attribute["keyword"] not in tags:
                continue
            parent = tags[attribute["path"][-1]] if attribute["path"] else "0"
            pair = f"{parent}/{tags[attribute['keyword']]}"
            known = strongest[module].get(pair, "3")
            strongest[module][pair] = min(known, attribute["type"], key=TYPES.index)
    entries: dict[str, int] = {}
    for module in used:
        for pair, type_ in strongest[module].items():
            entries.setdefault(f"{pair} {type_}", len(entries))
    numbers = {module: number for number, module in enumerate(used)}
    return {
        "sop": {uid: sop[uid] for uid in sorted(sop)},
        "iods": {
            iod: [numbers[m["key"]] for m in modules if m["key"] in numbers]
            for iod, modules in sorted(iods.items())
        },
        "modules": [
            _runs(entries[f"{pair} {type_}"] for pair, type_ in strongest[module].items())
            for module in used
        ],
        "entries": list(entries),
    }


def build(folder: Path, wheel: Path | None) -> dict[str, dict[str, Any]]:
    """Return the content of every file by name."""
    files = {
        "attributes.json": attributes(folder),
        "annex_e.json": annex_e(folder),
        "safe_private.json": safe_private(folder),
        "structured_content.json": structured_content(folder),
        "methods.json": methods(folder),
        "registered_uids.json": registered_uids(),
        "sop_classes.json": sop_classes(),
    }
    if wheel is not None:
        dictionary = files["attributes.json"]
        lines = (line.split("|") for line in dictionary["rows"] + dictionary["masks"])
        tags = {line[3]: line[0].replace("x", "0") for line in lines if line[3]}
        files["attribute_types.json"] = attribute_types(wheel, tags)
    return {name: {"digest": digest(data), **data} for name, data in files.items()}


def _lines(value: Any) -> str:
    """Print one level of a list or object on a line each, what lies deeper in place."""
    if isinstance(value, list):
        inside = [json.dumps(item, ensure_ascii=False) for item in value]
        return "[\n" + ",\n".join(inside) + "\n]"
    if isinstance(value, dict):
        inside = [
            f"{json.dumps(key)}: {json.dumps(item, ensure_ascii=False)}"
            for key, item in value.items()
        ]
        return "{\n" + ",\n".join(inside) + "\n}"
    return json.dumps(value, ensure_ascii=False)


def render(data: Mapping[str, Any]) -> str:
    """Return the text of a file."""
    parts = (f"{json.dumps(key)}: {_lines(value)}" for key, value in data.items())
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main(argv: list[str] | None = None) -> int:
    """Build every file; print what was written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--standard", type=Path, required=True, help="folder of the extracts")
    parser.add_argument("--highdicom", type=Path, help="wheel of highdicom 0.28.2")
    parser.add_argument("--into", type=Path, default=TABLES, help="default: the package")
    args = parser.parse_args(argv)
    for name, data in build(args.standard, args.highdicom).items():
        text = render(data)
        (args.into / name).write_text(text, encoding="utf-8")
        print(f"{name}: {len(text)} bytes, {data['digest'][:16]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

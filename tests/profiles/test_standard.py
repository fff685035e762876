"""Table E.1-1 under options: every row under every option and pair, and the rules of PS3.15 E.1."""

from __future__ import annotations

import itertools
import json
from importlib import resources

import pytest

from deident import tables
from deident.errors import UsageError
from deident.profiles.model import AVAILABLE_OPTIONS, LATER_OPTIONS
from deident.profiles.standard import (
    check_options,
    effective_code,
    effective_table,
    resolve,
)

# Read as it lies on disk: the expectations below must not come through the loader under test.
ROWS = json.loads(resources.files(tables).joinpath("annex_e.json").read_text("utf-8"))["rows"]
OPTIONS = sorted(AVAILABLE_OPTIONS)
DATES = {"retain-full-dates", "retain-modified-dates"}
CHOICES = [
    (),
    *((option,) for option in OPTIONS),
    *(pair for pair in itertools.combinations(OPTIONS, 2) if set(pair) != DATES),
]
FOREIGN = ("0000", "0002", "0004")  # groups that the supplement takes out before the table


def example_tag(pattern: str) -> int:
    """Return a tag that a row is for."""
    if pattern == "gggg(odd)eeee":
        return 0x00091001
    return int(pattern.replace("xx", "1E", 1).replace("x", "1"), 16)


def expected_code(basic: str, columns: dict[str, str], options: tuple[str, ...]) -> str:
    """Return the code by the rule that the project states: C over K over the profile."""
    asked = {columns[option] for option in options if option in columns}
    return "C" if "C" in asked else "K" if "K" in asked else basic


@pytest.mark.parametrize("options", CHOICES, ids="+".join)
def test_c04_every_row_under_every_option_and_pair(options: tuple[str, ...]) -> None:
    table = effective_table(options)
    seen = 0
    for pattern, basic, columns, _ in ROWS:
        tag = example_tag(pattern)
        row = table.row(tag, tables.vr_of(tag) or "UN")
        assert row is not None
        if pattern.startswith(FOREIGN):
            assert (row.code, row.table) == ("X", "supplement")
            row = table.tags[tag]
        assert row.pattern == pattern
        assert row.table == "Table E.1-1"
        assert row.basic == basic
        assert row.code == expected_code(basic, columns, options), (pattern, options)
        if row.code == basic and not row.option:
            assert row.method == "113100"
        else:
            assert row.option in options
            assert columns[row.option] == row.code
            assert row.method == AVAILABLE_OPTIONS[row.option]
        seen += 1
    assert seen == 657


@pytest.mark.parametrize("option", [*OPTIONS, *LATER_OPTIONS])
def test_the_number_of_rows_that_an_option_changes(option: str) -> None:
    published = {
        "clean-graphics": 4,
        "clean-structured-content": 4,
        "clean-descriptors": 141,
        "retain-full-dates": 169,
        "retain-modified-dates": 169,
        "retain-patient-characteristics": 19,
        "retain-device-identity": 59,
        "retain-uids": 60,
        "retain-safe-private": 1,
        "retain-institution-identity": 10,
    }
    changed = [1 for _, basic, columns, _ in ROWS if effective_code(basic, columns, (option,))[1]]
    assert len(changed) == published.get(option, 0)


class TestInteractions:
    """PS3.15 does not order options among themselves; the safer one wins."""

    def both(self) -> dict[str, tuple[str, dict[str, str]]]:
        return {pattern: (basic, columns) for pattern, basic, columns, _ in ROWS}

    def test_modified_dates_shift_what_device_identity_would_keep(self) -> None:
        shared = [
            pattern
            for pattern, (_, columns) in self.both().items()
            if {"retain-device-identity", "retain-modified-dates"} <= columns.keys()
        ]
        assert len(shared) == 11
        table = effective_table(["retain-device-identity", "retain-modified-dates"])
        for pattern in shared:
            row = table.tags[int(pattern, 16)]
            assert (row.code, row.option) == ("C", "retain-modified-dates")
        assert table.tags[0x00181200].code == "C"  # Date of Last Calibration
        assert table.tags[0x00181000].code == "K"  # Device Serial Number

    def test_full_dates_and_device_identity_agree_on_calibration_dates(self) -> None:
        table = effective_table(["retain-device-identity", "retain-full-dates"])
        assert table.tags[0x00181200].code == "K"

    def test_device_identity_alone_keeps_calibration_dates(self) -> None:
        row = effective_table(["retain-device-identity"]).tags[0x00181200]
        assert (row.code, row.option, row.method) == ("K", "retain-device-identity", "113109")

    def test_full_and_modified_dates_exclude_each_other(self) -> None:
        with pytest.raises(UsageError) as caught:
            effective_table(DATES)
        assert caught.value.code == "options-exclude"

    def test_device_uids_are_kept_by_either_option(self) -> None:
        for options in (
            ["retain-uids"],
            ["retain-device-identity"],
            ["retain-uids", *OPTIONS[1:2]],
        ):
            assert effective_table(options).tags[0x00181002].code == "K"  # Device UID
        both = effective_table(["retain-uids", "retain-device-identity"]).tags[0x00181002]
        assert (both.code, both.option) == ("K", "retain-device-identity")

    def test_patient_characteristics_and_descriptors_both_clean(self) -> None:
        shared = [
            (pattern, basic, columns)
            for pattern, (basic, columns) in self.both().items()
            if {"retain-patient-characteristics", "clean-descriptors"} <= columns.keys()
        ]
        assert len(shared) == 3
        for _, basic, columns in shared:
            code, _ = effective_code(
                basic, columns, ("clean-descriptors", "retain-patient-characteristics")
            )
            assert code == "C"

    def test_safe_private_turns_removal_into_cleaning(self) -> None:
        assert effective_table().private.code == "X"
        row = effective_table(["retain-safe-private"]).private
        assert (row.code, row.method) == ("C", "113111")


@pytest.mark.parametrize("option", LATER_OPTIONS)
def test_options_that_are_not_built_yet_are_refused(option: str) -> None:
    with pytest.raises(UsageError) as caught:
        effective_table([option])
    assert caught.value.code == "option-not-available"


def test_an_unknown_option_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean retain-uids"):
        check_options(["retain-uid"])


def test_every_available_option_claims_its_own_code() -> None:
    for option, code in AVAILABLE_OPTIONS.items():
        assert tables.methods()[option].code == code
    assert set(tables.methods()) == {"basic", *AVAILABLE_OPTIONS, *LATER_OPTIONS}


# code, type → action; None: not in the IOD; "?": SOP class unknown (PS3.15 E.1.1, E.3)
RESOLVED = {
    "X": {"1": "X", "2": "X", "3": "X", None: "X", "?": "X"},
    "Z": {"1": "D", "2": "Z", "3": "Z", None: "Z", "?": "Z"},
    "D": {"1": "D", "2": "D", "3": "D", None: "D", "?": "D"},
    "K": {"1": "K", "2": "K", "3": "K", None: "K", "?": "K"},
    "C": {"1": "C", "2": "C", "3": "C", None: "C", "?": "C"},
    "U": {"1": "U", "2": "U", "3": "U", None: "U", "?": "U"},
    "X/Z": {"1": "D", "2": "Z", "3": "X", None: "X", "?": "Z"},
    "X/D": {"1": "D", "2": "D", "3": "X", None: "X", "?": "D"},
    "Z/D": {"1": "D", "2": "Z", "3": "Z", None: "Z", "?": "D"},
    "X/Z/D": {"1": "D", "2": "Z", "3": "X", None: "X", "?": "D"},
    "X/Z/U*": {"1": "U", "2": "Z", "3": "X", None: "X", "?": "Z"},
}


@pytest.mark.parametrize("code", sorted(RESOLVED))
def test_c08_codes_are_resolved_by_type(code: str) -> None:
    for type_, action in RESOLVED[code].items():
        if type_ == "?":
            assert resolve(code, "LO", None, sop_class_known=False) == action
            continue
        assert resolve(code, "LO", type_, sop_class_known=True) == action
        if type_ in ("1", "2"):  # present, so its condition held
            assert resolve(code, "LO", f"{type_}C", sop_class_known=True) == action


def test_every_code_of_the_tables_can_be_resolved() -> None:
    codes = {row.basic for row in (*tables.annex_e(), *tables.supplement())}
    assert codes <= RESOLVED.keys()
    for row in (*tables.annex_e(), *tables.supplement()):
        assert set(row.options.values()) <= {"K", "C"}


def test_a_dummy_uid_is_a_new_uid() -> None:
    assert resolve("D", "UI", "1", sop_class_known=True) == "U"
    assert resolve("X/Z/D", "UI", "1C", sop_class_known=True) == "U"


@pytest.mark.parametrize(
    ("sop_class", "tag", "action"),
    [
        ("1.2.840.10008.5.1.4.1.1.128", 0x00080021, "D"),  # Series Date is Type 1 in PET
        ("1.2.840.10008.5.1.4.1.1.2", 0x00080021, "X"),  # and Type 3 in CT
        ("1.2.840.10008.5.1.4.1.1.481.5", 0x300A0006, "D"),  # RT Plan Date: X/D, Type 2
        ("1.2.840.10008.5.1.4.1.1.481.3", 0x00081070, "Z"),  # Operators' Name is Type 2 here
        ("1.2.840.10008.5.1.4.1.1.2.1", 0x00181000, "D"),  # Device Serial Number, enhanced CT
    ],
)
def test_c08_the_same_code_means_different_actions_in_different_iods(
    sop_class: str, tag: int, action: str
) -> None:
    row = effective_table().tags[tag]
    type_ = tables.attribute_type(sop_class, (), tag)
    assert resolve(row.code, tables.vr_of(tag) or "", type_, sop_class_known=True) == action


class TestWhichRowDecides:
    """Foreign groups, then private, then tag, then pattern, then unknown, then VR."""

    def decided(self, tag: int, vr: str = "LO", options: tuple[str, ...] = ()) -> str | None:
        row = effective_table(options).row(tag, vr)
        return row.code if row else None

    def test_nothing_decides_about_an_ordinary_attribute(self) -> None:
        assert self.decided(0x00280010, "US") is None

    @pytest.mark.parametrize(
        ("tag", "vr", "options", "code"),
        [
            (0x00181010, "LO", ("retain-device-identity",), "K"),
            (0x00181010, "DA", ("retain-device-identity",), "X/Z/D"),
            (0x00181010, "PN", ("retain-device-identity",), "Z/D"),
            (0x00181010, "DA", ("retain-device-identity", "retain-modified-dates"), "C"),
            (0x00080080, "UI", ("retain-institution-identity",), "U"),
            (0x00080020, "DT", ("retain-full-dates",), "K"),
            (0x00180022, "DA", (), "X/Z/D"),
        ],
    )
    def test_what_is_kept_must_have_its_own_vr(
        self, tag: int, vr: str, options: tuple[str, ...], code: str
    ) -> None:
        """A date or a name that stands in a kept attribute is a date or a name."""
        assert self.decided(tag, vr, options) == code

    @pytest.mark.parametrize("tag", [0x60003000, 0x601E3000, 0x60020010, 0x50000005, 0x501E1234])
    def test_c11_c13_whole_overlay_and_curve_groups_go(self, tag: int) -> None:
        assert self.decided(tag) == "X"

    @pytest.mark.parametrize("tag", [0x60013000, 0x50010005, 0x601F3000, 0x00090010, 0x00091001])
    def test_c11_odd_groups_are_private_also_between_overlays(self, tag: int) -> None:
        row = effective_table().row(tag, "OW")
        assert row is effective_table().private

    @pytest.mark.parametrize("tag", [0x60203000, 0x50200005, 0x00100099, 0x00120099])
    def test_c10_unknown_standard_tags_go(self, tag: int) -> None:
        row = effective_table().row(tag, "LO")
        assert row is effective_table().unknown
        assert row.code == "X"

    @pytest.mark.parametrize("tag", [0x00080000, 0x00090000, 0x7FE00000, 0x00000100, 0x00041220])
    def test_c32_c33_group_lengths_commands_and_directory_records_go(self, tag: int) -> None:
        for options in CHOICES:
            assert self.decided(tag, "UL", options) == "X"

    @pytest.mark.parametrize("tag", [0x7FE00010, 0x7FE00008, 0x7FE00009, 0x7FE00001])
    def test_pixel_data_stay(self, tag: int) -> None:
        assert self.decided(tag, "OW") == "K"

    def test_variable_pixel_data_go(self) -> None:
        assert self.decided(0x7F020010, "OW") == "X"

    def test_unlisted_uids_are_renewed_but_classes_stay(self) -> None:
        assert self.decided(0x00200242, "UI") == "U"
        assert self.decided(0x00200242, "UI", ("retain-uids",)) == "K"
        assert self.decided(0x00080016, "UI") == "K"

    def test_a_date_under_a_wrong_vr_is_still_a_date(self) -> None:
        assert self.decided(0x00080416, "LO") == "X/Z/D"
        assert self.decided(0x00280010, "DA") == "X/Z/D"

    def test_a_row_says_where_it_comes_from(self) -> None:
        table = effective_table(["retain-uids"])
        assert table.tags[0x00080018].origin == "Table E.1-1 (0008,0018), retain-uids"
        assert table.tags[0x00100010].origin == "Table E.1-1 (0010,0010)"
        assert table.vrs["PN"].origin == "supplement VR PN"
        assert table.unknown.origin == "supplement unknown tags"

"""What should happen, as data: a profile and its parts, frozen and free of any file format.

`loader` makes these from YAML, `library` ships some, `engine.plan` compiles them. Nothing here
knows how an action is carried out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

# Named tuples and not data classes: these are made at every start, and take a tenth of the time.
NO_PARAMS: Mapping[str, Any] = {}
SelectorKind = Literal["tag", "mask", "private", "vr", "all"]


class Selector(NamedTuple):
    """Which elements a rule is for.

    Attributes:
        kind: `tag` one attribute; `mask` a pattern such as `60xx3000` or `0010xxxx`; `private` a
            private attribute by creator; `vr` every element of one VR; `all` every element.
        tag: `tag`: the number. `private`: group << 16 | the low byte of the element number.
        mask: `mask`: the bits that count; `tag` holds their values.
        creator: `private`: the private creator, as it stands in the file without padding.
        vr: `vr`: two letters.
        parents: the sequences above, outermost first; empty for a rule that holds at every depth.
        anchored: whether `parents` starts at the top level of the data set.
        text: how the selector was written, for messages.
    """

    kind: SelectorKind
    tag: int = 0
    mask: int = 0xFFFFFFFF
    creator: str = ""
    vr: str = ""
    parents: tuple[int, ...] = ()
    anchored: bool = False
    text: str = ""


_SPECIFICITY = {"all": 0, "vr": 1, "mask": 2, "private": 3, "tag": 3}


def specificity(selector: Selector) -> int:
    """Return how narrow a selector is: path before tag or private, mask, VR, all.

    The higher one wins where several rules select an element.
    """
    path = len(selector.parents) + selector.anchored
    return _SPECIFICITY[selector.kind] + len(_SPECIFICITY) * path


def below(selector: Selector, parents: tuple[int, ...]) -> bool:
    """Return whether the sequences above an element are those that a selector's path names."""
    wanted = selector.parents
    if selector.anchored:
        return wanted == parents
    return not wanted or parents[-len(wanted) :] == wanted


class Rule(NamedTuple):
    """One selector and the action for what it selects.

    Attributes:
        select: which elements.
        action: a name in `engine.actions.REGISTRY`.
        params: the action's parameters, already validated.
        when: filter expression that must hold for the rule to apply; empty for always.
        origin: where the rule stands, e.g. `basic.yaml:12`; shown by explain.
        note: why, in the author's words.
    """

    select: Selector
    action: str
    params: Mapping[str, Any] = NO_PARAMS
    when: str = ""
    origin: str = ""
    note: str = ""


class FilterRule(NamedTuple):
    """Accept, skip or quarantine instances for which an expression holds; first match decides."""

    when: str
    then: Literal["accept", "skip", "quarantine"]
    origin: str = ""
    note: str = ""


class DatePolicy(NamedTuple):
    """How dates are shifted where the plan asks for it (option retain-modified-dates, shift-date).

    Attributes:
        max_days: the shift of a patient is one of -1 .. -max_days days.
        whole_weeks: only multiples of seven, so that weekdays stay.
    """

    max_days: int = 3650
    whole_weeks: bool = False


class Profile(NamedTuple):
    """A named, versioned statement of what should happen to every instance.

    Attributes:
        name, version, description: as shown to people; `version` counts the profile's own changes.
        base: `ps3.15` (Basic Profile of Table E.1-1 plus the supplementary rules) or `keep` (a
            header editor: what no rule names stays; unsafe by design).
        options: names of PS3.15 options that are on, e.g. `retain-uids`.
        rules: the profile's own rules; they override base and options. Among them: the most
            specific selector wins (path > tag or private > mask > VR > all), then the later one.
        filters: decided on the original header, before any rule.
        naming: template of the output path below the output folder.
        dates: see `DatePolicy`.
        verify: what happens to an identifier that verify finds.
        strict_ages: HIPAA mode: ages over 89 become 090Y, also when two kept dates imply one.
        private_numeric: weaker level of retain-safe-private: also keep numeric private values of
            known creators that the safe list does not name (C85).
        private_characteristics: honour (0008,0300) as a statement about safe private blocks (C83).
        patient_prefix: prefix of the pseudonymous Patient ID.
        uid_root: root of new UIDs; `2.25` gives UUID-derived ones.
        author: who answers for the profile.
        edition: edition of PS3.15 that the author had in mind, e.g. `2026d`; empty if not said.
    """

    name: str
    version: int = 1
    description: str = ""
    base: Literal["ps3.15", "keep"] = "ps3.15"
    options: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    filters: tuple[FilterRule, ...] = ()
    naming: str = "{PatientID}/{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm"
    dates: DatePolicy = DatePolicy()
    verify: Literal["repair", "quarantine", "report"] = "repair"
    strict_ages: bool = False
    private_numeric: bool = False
    private_characteristics: bool = False
    patient_prefix: str = "DEID-"
    uid_root: str = "2.25"
    author: str = ""
    edition: str = ""


# What a naming template may name; all are values of the output, never of the original.
NAME_FIELDS = (
    "PatientID",
    "PatientName",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "AccessionNumber",
    "StudyDescription",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "SeriesDate",
    "Modality",
    "BodyPartExamined",
    "SOPClassUID",
    "SOPInstanceUID",
    "InstanceNumber",
)

# The options of PS3.15 E.3 that can be switched on, with the CID 7050 code each claims.
AVAILABLE_OPTIONS: dict[str, str] = {
    "retain-uids": "113110",
    "retain-safe-private": "113111",
    "retain-device-identity": "113109",
    "retain-institution-identity": "113112",
    "retain-patient-characteristics": "113108",
    "retain-full-dates": "113106",
    "retain-modified-dates": "113107",
}

# Options of the standard that need parts that do not exist yet: asking for one is a usage error.
LATER_OPTIONS: tuple[str, ...] = (
    "clean-pixel-data",
    "clean-recognizable-visual-features",
    "clean-graphics",
    "clean-structured-content",
    "clean-descriptors",
)

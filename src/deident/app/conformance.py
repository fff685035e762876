"""The conformance statement of PS3.15 E.1.3 for one profile, generated from what the engine does.

Tables come from the compiled profile, so that the statement cannot say what a run does not do; the
sentences around them say how. Requirements C86 (private attributes that stay) and C94 (how dates
are modified) are answered here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from deident import tables
from deident._version import __version__
from deident.app.conformance_tables import (
    attribute_rows,
    class_names,
    inserted_rows,
    private_rows,
    rule_rows,
    rules_keep_private,
    shifted_rows,
    syntax_names,
)
from deident.app.documents.blocks import (
    Block,
    Bullets,
    Callout,
    Code,
    Document,
    Facts,
    Heading,
    Mark,
    Mono,
    Table,
    say,
)
from deident.app.unchecked import unchecked
from deident.dicom.charsets import known_terms
from deident.engine.actions import CATALOG
from deident.engine.markers import claimed
from deident.engine.plan import Plan
from deident.profiles.model import LATER_OPTIONS, Profile
from deident.profiles.plain import profile_hash
from deident.profiles.standard import resolve
from deident.profiles.written import to_text

_CODES = (
    ("X", "removed"),
    ("Z", "emptied, or a dummy where the IOD asks for a value"),
    ("D", "replaced by a dummy value"),
    ("U", "replaced by a new UID"),
    ("C", "cleaned; dates and times are shifted"),
    ("K", "kept; sequences are gone through element by element"),
)
_COMPOUND = ("X", "Z", "D", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*")
_TYPES = (("1", True), ("2", True), ("3", True), (None, True), (None, False))
_VERIFY = {
    "repair": "the value is removed, emptied or replaced as the attribute's type allows; where "
    "that is not possible the instance is quarantined",
    "quarantine": "the instance is quarantined",
    "report": "it is reported and stays: the instance may then say Patient Identity Removed = NO",
}


def statement(profile: Profile) -> Document:
    """The conformance statement of a profile.

    Raises:
        UsageError: options that are unknown, not available or exclude each other.
        ProfileError: a condition or filter that does not parse.
    """
    plan = Plan(profile)
    sections = (
        _claims, _restrictions, _rules, _attributes, _dummies, _identity, _dates, _private,
        _texts, _inserted, _objects,
    )  # fmt: skip
    blocks = [block for section in sections for block in section(plan)]
    title = "Conformance statement: de-identification"
    return Document(title, f"Profile {profile.name}, version {profile.version}", tuple(blocks))


# -- what is claimed ------------------------------------------------------------------------------


def _claims(plan: Plan) -> Iterator[Block]:
    profile = plan.profile
    yield say(
        "What Deident does with every instance under this profile, as PS3.15 E.1.3 asks an "
        "application to state. Generated from the profile and the tables that a run uses."
    )
    yield Facts(
        (
            ("Program", (f"Deident {__version__}, a de-identifier",)),
            ("Tables", (f"DICOM PS3.15 {tables.edition()}, Annex E",)),
            ("Profile", (f"{profile.name}, version {profile.version}",)),
            ("Hash of the profile", (Mono(profile_hash(profile)),)),
        )
    )
    yield Heading("Profile and options claimed")
    claims = claimed(plan.performed)
    if claims:
        rows = [(one.code, one.scheme, one.meaning) for one in claims]
        yield Table(("code", "scheme", "meaning (PS3.16 CID 7050)"), rows)
    else:
        yield Callout("bad", (Mark("None.", "bad"), f" {_why_nothing(plan)}"))
    yield say(
        "Conformance does not by itself guarantee that nobody can be recognised. Nothing is "
        "encrypted: there is no Encrypted Attributes Sequence, and the way back is in the project "
        "folder alone."
    )


def _why_nothing(plan: Plan) -> str:
    if plan.standard is None:
        return "The profile changes only what its rules name; this is no de-identification."
    if plan.performed.identified:
        return "Rules of the profile keep who the patient is."
    return "Rules of the profile keep more than the standard allows."


def _restrictions(plan: Plan) -> Iterator[Block]:
    yield Heading("What is not done")
    names = [tables.methods()[name] for name in LATER_OPTIONS]
    yield say("These options of the standard are not available:")
    yield Bullets(tuple((f"{one.meaning} ({one.code}, {one.scheme})",) for one in names))
    yield say("These things are not checked:")
    entries = unchecked(plan.profile.options)
    yield Bullets(tuple((Mark(f"{one.what}. ", "look"), one.text) for one in entries))


# -- attributes -----------------------------------------------------------------------------------


def _rules(plan: Plan) -> Iterator[Block]:
    profile = plan.profile
    yield Heading("Rules of the profile")
    rows = rule_rows(plan)
    if rows:
        yield say("They override the tables below; the most specific selector wins.")
        yield Table(("selector", "action", "condition", "why"), rows)
    else:
        yield say("There are none: the tables below decide.")
    if profile.filters:
        yield say("Instances are chosen by their original header; the first that holds decides:")
        filters = [(one.then, Mono(one.when), one.note) for one in profile.filters]
        yield Table(("answer", "condition", "why"), filters)
    yield Heading("The whole profile", 3)
    yield Code(to_text(profile, CATALOG))


def _attributes(plan: Plan) -> Iterator[Block]:
    yield Heading("How attributes are handled")
    if plan.standard is None:
        yield say("What no rule of the profile names is kept as it is.")
        return
    yield say(
        "Every element at every depth, in every item of every sequence, gets one decision. What "
        "neither table nor dictionary knows is removed. Codes are those of PS3.15 Table E.1-1a:"
    )
    yield Table(("code", "what is done"), [(code, text) for code, text in _CODES])
    yield say(
        "A code is carried out by the attribute's type in the IOD; 1C counts as 1 and 2C as 2 "
        "where the attribute is present. D on a UID is U."
    )
    heads = ("code", "Type 1", "Type 2", "Type 3", "not in the IOD", "SOP class unknown")
    yield Table(
        heads,
        [
            (code, *(resolve(code, "LO", type_, sop_class_known=known) for type_, known in _TYPES))
            for code in _COMPOUND
        ],
    )
    yield Heading("Table of attributes", 3)
    yield say(
        "All rows of Table E.1-1, and those that Deident adds for what the table leaves open "
        "(marked “supplement”). Attributes that no row names are kept, unless a row for their VR "
        "decides."
    )
    columns = ("tag", "attribute", "basic", "here", "Type 1", "Type 2", "Type 3", "decided by")
    yield Table(columns, attribute_rows(plan))


def _dummies(plan: Plan) -> Iterator[Block]:
    yield Heading("Dummy values and integrity")
    yield Bullets(
        (
            ("Dummies are fixed values of the VR that stand for nobody, such as 19000101 for a "
             "date; dummy sequences hold one valid item.",),
            ("New UIDs: ", _uids(plan), " The same original gives the same new UID in every "
             "attribute, sequence, text and file of a project, so that references stay whole. "
             "UIDs that the standard registers, and those of classes and syntaxes, stay.",),
            ("Scope of referential integrity: the project, that is its key. Runs, machines and "
             "the order of files do not matter. Nothing can be computed back without the key.",),
            ("Every value that stays is searched for the identifiers of the same instance before "
             f"it is written. If one is found, {_VERIFY[plan.profile.verify]}.",),
        )
    )  # fmt: skip


def _uids(plan: Plan) -> str:
    if "retain-uids" in plan.profile.options:
        return "original UIDs are retained; dummies that need a UID get one derived as follows."
    root = plan.profile.uid_root
    form = "2.25 and a version 8 UUID (PS3.5 B.2, RFC 9562)" if root == "2.25" else f"{root}.digits"
    return f"{form}, from an HMAC-SHA-256 of the original under the project's key."


def _identity(plan: Plan) -> Iterator[Block]:
    yield Heading("Identity of patients")
    ages = "Ages are handled like other attributes."
    if plan.profile.strict_ages:
        ages = "Ages over 89 become 090Y, and birth dates are emptied."
    yield say(
        f"Patient ID and Patient's Name become one pseudonym, {plan.profile.patient_prefix} and 13 "
        "characters, from an HMAC-SHA-256 of Patient ID and its issuer under the project's key; "
        f"without a Patient ID the study stands for the patient. {ages}"
    )


# -- dates ----------------------------------------------------------------------------------------


def _dates(plan: Plan) -> Iterator[Block]:
    profile = plan.profile
    yield Heading("How dates and times are modified", anchor="dates")
    yield say(
        "Longitudinal Temporal Information Modified (0028,0303): ",
        Mono(plan.performed.temporal),
        ".",
    )
    rows = shifted_rows(plan)
    if "retain-full-dates" in profile.options:
        yield say("Dates and times that the option names stay as they are.")
    elif not rows:
        yield say("Dates and times are removed, emptied or replaced by dummies; none is shifted.")
    if not rows:
        return
    weeks = ", a multiple of seven, so that weekdays stay" if profile.dates.whole_weeks else ""
    yield Bullets(
        (
            (f"By how much: 1 to {profile.dates.max_days} whole days into the past{weeks}; never "
             "zero, never into the future.",),
            ("How the number is found: from an HMAC-SHA-256 of Patient ID and issuer under the "
             "project's key. Another key gives another number.",),
            ("Consistency: all dates of a patient move by the same number of days, in every "
             "instance, study and run of the project, so intervals stay. Two patients move by "
             "numbers of their own.",),
            ("Times of day stay. Date and time that belong together, and DT values, therefore keep "
             "their distance across midnight; UTC offsets stay, and Timezone Offset From UTC "
             "stays if it is a legal one.",),
            ("What is no whole date (a range, a year alone in DA, text) is not passed through: it "
             "is removed, emptied or replaced as the attribute's type allows.",),
        )
    )  # fmt: skip
    yield say("Attributes that are shifted; where a rule sets another way, it is named:")
    yield Table(("tag", "attribute", "VR", "decided by"), rows)


# -- private --------------------------------------------------------------------------------------


def _private(plan: Plan) -> Iterator[Block]:
    profile, private = plan.profile, plan.private
    yield Heading("Private attributes", anchor="private")
    if private.keep_all:
        yield say("All are kept, but for those that rules of the profile name.")
        return
    grounds = []
    if private.safe:
        grounds.append("those of PS3.15 Table E.3.10-1, found by private creator, listed below")
    if private.numeric:
        grounds.append(
            "numbers (US, SS, UL, SL, UV, SV, FL, FD, DS, IS) of every block that has one "
            "private creator; a weaker level than the standard's, for which no code is claimed"
        )
    if profile.private_characteristics:
        grounds.append(
            "those that Private Data Element Characteristics Sequence (0008,0300) of the same "
            "instance calls safe"
        )
    if rules_keep_private(plan):
        grounds.append("those that rules of the profile keep, see Rules of the profile")
    if not grounds:
        yield say("All are removed, and so are their private creators.")
        return
    yield say("Kept are:")
    yield Bullets(tuple((ground,) for ground in grounds))
    yield say(
        "All others are removed, also all whose creator is missing, doubled or no text. What stays "
        "is searched for identifiers like every other value. Binary values (OB, OW, UN and the "
        "like) never stay on these grounds, nor does text in the place of a number."
    )
    if private.safe:
        yield Table(("tag", "creator", "VR", "VM", "meaning", "what is done"), private_rows(plan))


# -- texts, markers, objects ----------------------------------------------------------------------


def _texts(plan: Plan) -> Iterator[Block]:
    yield Heading("Free text and structured content")
    if plan.standard is None:
        yield say("Free text is kept unless a rule names it.")
        return
    yield say(
        "Descriptions, comments and other free text of Table E.1-1 are removed, emptied or "
        "replaced whole, as the table of attributes says; no part of one is cleaned. Structured "
        "content is not judged by its concepts: its attributes follow the same table at every "
        "depth. What stays is searched for identifiers, and UIDs in it are renewed unless they are "
        "retained."
    )


def _inserted(plan: Plan) -> Iterator[Block]:
    yield Heading("Attributes inserted")
    yield say("At the top level of every instance; what earlier programs wrote there stays.")
    yield Table(("tag", "attribute", "value"), inserted_rows(plan))
    yield say(
        "Preamble and file meta information are made anew, with Implementation Class UID and "
        "version of Deident. Burned In Annotation (0028,0301) and Recognizable Visual Features "
        "(0028,0302) are left as they are, because pixels are not cleaned."
    )


def _objects(_plan: Plan) -> Iterator[Block]:
    yield Heading("SOP classes, transfer syntaxes, character sets")
    yield say(
        "Instances of every SOP class are processed. For those below the types of attributes are "
        "known from PS3.3; for all others, private ones included, the action is taken that serves "
        "every type (“SOP class unknown” above). A DICOMDIR is never copied."
    )
    yield Bullets(_names(class_names()))
    yield say("Transfer syntaxes; the one of the original stays, and pixels are not recoded:")
    yield Bullets(_names(syntax_names()))
    yield say("Specific Character Sets; text of others cannot be decoded, which is quarantined:")
    yield Bullets(((", ".join(known_terms()),),))


def _names(names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((name,) for name in names)

"""Make `src/deident/tables/vocabulary.txt`: words that are terms of medicine before they are names.

    python tools/build_vocabulary.py

Sources: the concept names of PS3.16 and the names of PS3.6 attributes and UIDs, all as they stand
in pydicom, and the short lists below. One folded word per line; a capital marks a word that is
only ever written with one (an eponym, a maker, a breed, a place): in free text it may well be a
patient's name.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from pydicom._dicom_dict import DicomDictionary
from pydicom._uid_dict import UID_dictionary
from pydicom.sr._concepts_dict import concepts

from deident.engine.folding import fold

TARGET = Path(__file__).resolve().parents[1] / "src" / "deident" / "tables" / "vocabulary.txt"
WORD = re.compile(r"[^\W\d_]+")

# Terms that PS3.3 defines, usual abbreviations of protocols, and words of every header.
TERMS = """
abd abdomen acq add addition ap apical atrial ax axial bilat bold brain breath breathhold bucky
calibration cardiac cc cine coil collimated composite cont contrast coronal count ct cta cube cut
derived dti dwi dyn dynamic echo edge ep epi ext extremity fast fat feet ffs field filter fine
flair flash frame free full gated gating gradient grid ground half hfp hfs high image intermediate
iso ivus lat lateral left linear lo localizer low lower lung map max mdct mean measured medium min
mip mixed mlo mono monochrome motion mpr mr mra mri multi native navigator neg neuro none norm
normal obl oblique off on oral original other pace pair palette peak phase phased plain planar pos
post posterior pre primary prone proton quality radial raw recon reconstructed ref reference
reformatted rest rgb right rot routine rt saddle sag sagittal saturation scan scout se secondary
sel sense sequence serial series set shield short side signal single slab slice small soft space
spin spine spiral spoiled standard static std step stress study supine surface sys system tap test
tfl thick thin time tof top topogram total trace trans transverse true tse turbo type uni
unilateral upper us valid vein view vol volume water wedge wide window with without world xray ybr
zoom
"""
# Makers of equipment: a site may be called after one, and every header names one.
MAKERS = """
agfa aloka alpinion analogic anke aperio arthrex barco biospace bk bruker canon carestream cirs
dexis dornier dynamics eizo elekta elscint epic esaote fischer fonar fuji fujifilm ge gehealthcare
gemedicalsystems genoray gmm hamamatsu healthcare healthineers hewlett hitachi hologic hp ibm
imatron instrumentarium intelerad intuitive kodak konica koninklijke kretz leica lorad lumenis
lumisys marconi matrox mckesson mckinley medison medtronic merge microsoft mim mindray minolta
mirada neusoft nidek nikon nucletron odelft offis olympus orthanc packard pacs perkinelmer philips
picker planmeca pms quadra samsung sectra shimadzu siemens sirona sonoscape sonosite sony stryker
swissray syngo technicare terarecon tomotherapy topcon toshiba trex trixell trophy uih united
varex varian vatech vidar villa vital xoran zeiss ziehm zonare
"""
# What institutions and their addresses are called everywhere.
PLACES = """
academic academy agency ambulance ambulatory associates avenue boulevard bureau campus care center
centre centro childrens city clinic clinica clinical clinics clinique college community
consultants corporation county departement department dept diagnostic diagnostics division drive
emergency faculty floor foundation general group health healthcare hopital hospices hospital
hospitals imaging infirmary institut institute institution instituto international kantonsspital
klinik kliniken klinikum krankenhaus lab laboratories laboratory lane limited ltd med medical
medicine medizin medizinische memorial mri national network office oncology operating orthopedics
ospedale outpatient pediatric policlinico practice practise praxis private public radiologia
radiologic radiological radiologie radiology radiotherapy regional research road room service
services spital state station strasse street suite surgery surgical system theatre trust unit
universidad universitaet universitaire universitat university veterinary ward
"""
# Names that are the names of a disease, a sign, a sequence, a measure.
EPONYMS = """
addison alzheimer apgar baker barrett behcet bell bennett bosniak bouchard broca budd buerger
burkitt charcot chiari child colles cooper crohn cushing dandy dixon down duchenne dupuytren ewing
fallot fontan gleason graves hashimoto heberden hirschsprung hodgkin hounsfield hunt huntington
jacobson jones kaposi kellgren kerley killian larmor lawrence lugol marfan meckel meniere
monteggia morton murphy osgood paget pancoast parkinson perthes pugh purkinje ramsay raynaud
reiter rose salter schatzki schlatter sever sjogren stanford tanner todd towne waters wegener
wernicke whipple willis wilms wilson young
"""


def printed() -> Iterator[str]:
    """Every phrase of the published sources."""
    schemes: dict[str, dict[str, dict[str, tuple[str, list[int]]]]] = concepts  # type: ignore
    for keywords in schemes.values():
        for codes in keywords.values():
            for meaning, _ in codes.values():
                yield meaning


def listed() -> Iterator[str]:
    """Every phrase of which all words are terms, however they are written."""
    for _, _, name, _, _ in DicomDictionary.values():
        yield name.replace("\u2019s", "").replace("'s", "")
    for name, *_ in UID_dictionary.values():
        yield name
    yield from (TERMS, PLACES)


def vocabulary() -> list[str]:
    """The words in the order of the file, those that are only written with a capital with one."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for phrase in printed():
        for word in WORD.findall(phrase):
            spellings[fold(word)].add(word)
    terms = {fold(word) for phrase in listed() for word in WORD.findall(phrase)}
    terms |= {
        folded
        for folded, words in spellings.items()
        if any(word.islower() or word.isupper() for word in words)
    }
    proper = {*EPONYMS.split(), *MAKERS.split()}
    terms -= proper
    capitals = {word.capitalize() for word in (spellings.keys() | proper) - terms}
    return sorted((word for word in terms | capitals if len(word) > 1), key=str.casefold)


def main() -> None:
    """Write the file."""
    words = vocabulary()
    TARGET.write_text("\n".join(words) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(words)} words, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()

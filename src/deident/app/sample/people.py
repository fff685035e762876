"""Invented people, with names in the scripts that DICOM's character sets are for.

A `Person` knows every identifying text that the builders of `objects` plant for it, and the bytes
as which such a text could be left in a file: `needles()`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# What an identifier could be written in: by us, by a careless rule, or inside a private value.
_ENCODINGS = (
    "utf-8",
    "utf-16-le",
    "utf-16-be",
    "latin-1",
    "iso8859-2",
    "iso8859-5",
    "iso8859-6",
    "iso8859-7",
    "iso8859-8",
    "iso8859-9",
    "tis-620",
    "shift_jis",
    "iso2022_jp",
    "euc_kr",
    "gb18030",
)
_ESCAPE = re.compile(rb"\x1b[$()\-][()]?.")
_ROOT = "1.2.826.0.1.3680043.10.1337"  # below it, the person's number and then the object's


class Person(NamedTuple):
    """Somebody who does not exist, with everything that would identify them.

    Attributes:
        number: from 1; part of every identifier, so that people differ.
        script: what the name is there for, e.g. `Greek`.
        charset: Specific Character Set, values parted by backslashes.
        name: Patient's Name.
        referring: Referring Physician's Name, same script.
        place: town, same script; part of address and institution.
        sex: `F`, `M` or `O`.
        birth_date: DA.
    """

    number: int
    script: str
    charset: str
    name: str
    referring: str
    place: str
    sex: str
    birth_date: str

    @property
    def patient_id(self) -> str:
        """Patient ID, with the leading zeros that spreadsheets drop."""
        return f"00{7340000 + 1093 * self.number}"

    @property
    def other_id(self) -> str:
        """A second number, of an insurance."""
        return f"KV{self.number:02d}-551{self.number * 77:04d}X"

    @property
    def accession(self) -> str:
        """Accession Number (SH: 16 characters)."""
        return f"RAD{20260000 + 131 * self.number}"

    @property
    def phone(self) -> str:
        """Patient's Telephone Numbers."""
        return f"+49 555 {7000 + 37 * self.number} {100 + self.number}"

    @property
    def address(self) -> str:
        """Patient's Address."""
        return f"{11 + self.number} {self.place}"

    @property
    def institution(self) -> str:
        """Institution Name."""
        return f"{self.place} {1800 + self.number}"

    @property
    def uid_root(self) -> str:
        """The prefix of every UID that belongs to this person's studies."""
        return f"{_ROOT}.{self.number}"

    def identifiers(self) -> Iterator[tuple[str, str]]:
        """Yield (kind, text) of everything that may not be left in an output.

        Names come component by component; those too short to be told from chance are left out.
        """
        for kind, name in (("name", self.name), ("physician", self.referring)):
            for part in re.split(r"[\^=]", name):
                if len(part.encode()) >= 4:
                    yield kind, part
        yield "place", self.place
        yield "patient-id", self.patient_id.lstrip("0")
        yield "other-id", self.other_id
        yield "accession", self.accession
        yield "phone", self.phone
        year, month, day = self.birth_date[:4], self.birth_date[4:6], self.birth_date[6:]
        for date in (self.birth_date, f"{year}-{month}-{day}", f"{day}.{month}.{year}"):
            yield "birth-date", date
        yield "uid", self.uid_root + "."

    def needles(self) -> dict[bytes, str]:
        """Return the bytes to search outputs for, each with the kind of its identifier."""
        return {
            needle: kind
            for kind, text in self.identifiers()
            for spelling in {text, text.upper(), text.lower()}
            for encoding in _ENCODINGS
            if (needle := _encode(spelling, encoding))
        }


def _encode(text: str, encoding: str) -> bytes:
    try:
        return _ESCAPE.sub(b"", text.encode(encoding))
    except UnicodeEncodeError:
        return b""


def _people(*rows: tuple[str, str, str, str, str, str, str]) -> tuple[Person, ...]:
    return tuple(Person(number, *row) for number, row in enumerate(rows, start=1))


PEOPLE = _people(
    (
        "ASCII",
        "",
        "Hartwhistle^Rosamund^June^^",
        "Pellingbrook^Edgar^^Dr.",
        "Ridgemoor",
        "F",
        "19571103",
    ),
    (
        "Latin 1",
        "ISO_IR 100",
        "Grünwäldle^Jürgen",
        "Möllenhöft^Käthe^^Prof.",
        "Überkingen",
        "M",
        "19490228",
    ),
    (
        "Latin 2",
        "ISO_IR 101",
        "Wiśniewąska^Łucja",
        "Dvořáčková^Zdeňka",
        "Żyrardówek",
        "F",
        "19850612",
    ),
    (
        "Turkish",
        "ISO_IR 148",
        "Yıldırımoğlu^Gülşah",
        "Çağlayaner^Şükrü",
        "Eskişehirli",
        "F",
        "19911130",
    ),
    (
        "Cyrillic",
        "ISO_IR 144",
        "Соколовская^Надежда",
        "Черныховец^Тимофей",
        "Заозёрьевск",
        "F",
        "19660401",
    ),
    (
        "Greek",
        "ISO_IR 126",
        "Παπαδοπουλάκης^Διονύσιος",
        "Κωνσταντινίδου^Ελένη",
        "Λουτρόπυργος",
        "M",
        "19720919",
    ),
    (
        "Arabic",
        "ISO_IR 127",
        "القبانجي^نزارالدين",
        "البغداديون^فاطمة",
        "الزهراوية",
        "M",
        "19800715",
    ),
    ("Hebrew", "ISO_IR 138", "שרוניאלי^דבורהלה", "אברמוביצר^יהושע", "מעלותיים", "F", "19931224"),
    ("Thai", "ISO_IR 166", "ศรีสุขสันต์^สมใจนึก", "วงศ์สวัสดี^ประเสริฐ", "บางพระสมุทร", "O", "20010505"),
    (
        "Japanese",
        "\\ISO 2022 IR 87",
        "Morishigeta^Haruko=森重田^春瑚子=もりしげた^はるこ",
        "Kurogane^Masatsugu=黒鉄屋^政次郎",
        "霧ヶ峰町",
        "F",
        "19691021",
    ),
    (
        "Japanese kana",
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        "ｶﾂﾗｷﾞ^ｼﾝｻｸ=桂木野^新作太=かつらぎ^しんさく",
        "ﾅﾙｾﾔﾏ^ﾖｼｴ=鳴瀬山^芳枝子",
        "ﾐﾅｶﾐﾑﾗ",
        "M",
        "19381201",
    ),
    (
        "Korean",
        "\\ISO 2022 IR 149",
        "Namgungbyeol^Seonu=南宮星^善宇=남궁별이^선우람",
        "Hwangbomin^Jiho=皇甫民^智浩=황보민이^지호람",
        "별내마을",
        "M",
        "19761108",
    ),
    (
        "Chinese",
        "GB18030",
        "Ouyangshu^Xiaomei=欧阳书^晓梅子",
        "Shangguanli^Wende=上官丽^文德明",
        "云雾山镇",
        "F",
        "19880317",
    ),
    (
        "Chinese GBK",
        "GBK",
        "Zhugeyan^Mingtai=諸葛嚴^明泰和",
        "Simahong^Lihua=司馬鴻^麗華芳",
        "綠楊灣鎮",
        "M",
        "19530809",
    ),
    (
        "Vietnamese",
        "ISO_IR 192",
        "Nguyễnhữu^Ánhtuyết",
        "Phạmđình^Khảiminh",
        "Suốiđáhồng",
        "F",
        "19960214",
    ),
    (
        "Devanagari",
        "ISO_IR 192",
        "चतुर्वेदीकर^सुनयनादेवी",
        "भट्टाचार्यजी^देवव्रत",
        "रामपुरवाला",
        "F",
        "19790123",
    ),
)

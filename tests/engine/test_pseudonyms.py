"""The derivation of identities: fixed vectors, independence of uses, legality, secrecy."""

from __future__ import annotations

import hashlib
import hmac
import pickle
import subprocess
import sys
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deident.engine.pseudonyms import KEY_BYTES, Identity, check_character, hkdf_sha256
from deident.errors import ProfileError

KEY = bytes(range(32))
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
crockford = st.text(ALPHABET, min_size=1, max_size=31)
keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)


# RFC 5869 A.1 to A.3.
@pytest.mark.parametrize(
    ("key", "salt", "info", "length", "expected"),
    [
        (
            b"\x0b" * 22,
            bytes(range(13)),
            bytes(range(0xF0, 0xFA)),
            42,
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)),
            bytes(range(0x60, 0xB0)),
            bytes(range(0xB0, 0x100)),
            82,
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41"
            "c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            b"\x0b" * 22,
            b"",
            b"",
            42,
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_hkdf_agrees_with_rfc_5869(
    key: bytes, salt: bytes, info: bytes, length: int, expected: str
) -> None:
    assert hkdf_sha256(key, info, length, salt).hex() == expected


@pytest.mark.parametrize("length", [0, 255 * 32 + 1])
def test_hkdf_refuses_lengths_it_cannot_give(length: int) -> None:
    with pytest.raises(ValueError, match="8160"):
        hkdf_sha256(KEY, b"", length)


def vectors(identity: Identity) -> dict[str, str | int]:
    patient = identity.patient_key("12345", "HOSPITAL")
    return {
        "uid": identity.uid("1.2.3"),
        "pseudonym": identity.pseudonym(patient),
        "shift": identity.shift_days(patient),
        "fallback": identity.pseudonym(identity.fallback_key("1.2.3")),
        "token": identity.token("accession", "A1", 10),
        "fingerprint": identity.fingerprint(),
    }


VECTORS = {
    "uid": "2.25.299672415563697256017586769286686224266",
    "pseudonym": "DEID-8RG4X23XSHYG0",
    "shift": -1636,
    "fallback": "DEID-DD2GNH82XRZAT",
    "token": "PJ0RVW3VW2",
    "fingerprint": "NB89-HC3F",
}
ROOTED = "1.2.826.0.1.3680043.10.99.45481515799525194424057030627607416366"
WEEKS = -315


def test_vectors_never_change() -> None:
    """A project's data stay consistent over releases only as long as these values stay."""
    assert vectors(Identity(KEY)) == VECTORS
    assert Identity(KEY, uid_root="1.2.826.0.1.3680043.10.99").uid("1.2.3") == ROOTED
    assert Identity(KEY, whole_weeks=True).shift_days(b"x") == WEEKS


def test_a_uid_is_what_an_independent_derivation_gives() -> None:
    extracted = hmac.new(bytes(32), KEY, hashlib.sha256).digest()
    sub_key = hmac.new(extracted, b"deident/1/uid\x01", hashlib.sha256).digest()
    raw = bytearray(hmac.new(sub_key, b"1.2.3", hashlib.sha256).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    assert Identity(KEY).uid("1.2.3") == f"2.25.{uuid.UUID(bytes=bytes(raw)).int}"


def test_another_process_derives_the_same() -> None:
    program = (
        "from deident.engine.pseudonyms import Identity\n"
        "i = Identity(bytes(range(32)))\n"
        "p = i.patient_key('12345', 'HOSPITAL')\n"
        "print(i.uid('1.2.3'), i.pseudonym(p), i.shift_days(p), i.token('accession', 'A1', 10))"
    )
    out = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert out == [str(VECTORS[name]) for name in ("uid", "pseudonym", "shift", "token")]


@given(keys)
def test_pickling_keeps_the_identity_and_repr_hides_the_key(key: bytes) -> None:
    identity = Identity(key, patient_prefix="S-", max_days=700, whole_weeks=True)
    again = pickle.loads(pickle.dumps(identity))
    assert vectors(again) == vectors(identity)
    shown = repr(identity) + str(identity)
    assert key.hex() not in shown
    assert repr(key)[2:-1] not in shown
    assert identity.fingerprint() in shown


@given(st.text(min_size=1), st.text(), st.text(min_size=1), st.text())
def test_patient_and_issuer_together_are_the_patient(a: str, b: str, c: str, d: str) -> None:
    identity = Identity(KEY)
    strip = " \t\r\n\0"
    first, second = (a.strip(strip), b.strip(strip)), (c.strip(strip), d.strip(strip))
    if not first[0] or not second[0]:
        return
    equal = identity.patient_key(a, b) == identity.patient_key(c, d)
    assert equal == (first == second)


def test_padding_does_not_make_another_patient_or_uid() -> None:
    identity = Identity(KEY)
    assert identity.patient_key(" 12 ", "X\0") == identity.patient_key("12", "X")
    assert identity.uid("1.2.3\0") == identity.uid("1.2.3 ") == identity.uid("1.2.3")


def test_what_names_nobody_is_refused() -> None:
    identity = Identity(KEY)
    for call in (identity.patient_key, identity.fallback_key, identity.uid):
        with pytest.raises(ValueError, match="empty"):
            call(" \0")


def test_a_fallback_is_not_the_patient_with_that_number() -> None:
    identity = Identity(KEY)
    assert identity.fallback_key("1.2.3") != identity.patient_key("1.2.3")


@given(crockford, st.integers(0, 30), st.sampled_from(ALPHABET))
def test_check_character_finds_one_wrong_character(text: str, place: int, other: str) -> None:
    place %= len(text)
    wrong = text[:place] + other + text[place + 1 :]
    assert (check_character(wrong) == check_character(text)) == (wrong == text)


@given(crockford, st.integers(0, 30), st.integers(0, 30))
def test_check_character_finds_two_swapped_characters(text: str, one: int, two: int) -> None:
    whole = list(text + check_character(text))
    one, two = one % len(whole), two % len(whole)
    swapped = whole.copy()
    swapped[one], swapped[two] = swapped[two], swapped[one]
    still_valid = check_character("".join(swapped[:-1])) == swapped[-1]
    assert still_valid == (swapped == whole)


def test_check_character_knows_only_its_alphabet() -> None:
    with pytest.raises(ValueError, match="substring"):
        check_character("0I")


@given(st.text(min_size=1))
def test_a_pseudonym_is_a_legal_patient_id(patient: str) -> None:
    identity = Identity(KEY)
    if not patient.strip(" \t\r\n\0"):
        return
    text = identity.pseudonym(identity.patient_key(patient))
    prefix, code = text[:5], text[5:]
    assert prefix == "DEID-"
    assert len(code) == 13
    assert set(code) <= set(ALPHABET)
    assert check_character(code[:-1]) == code[-1]


@given(st.text(min_size=1), st.integers(1, 51))
def test_tokens_of_two_purposes_do_not_agree(value: str, length: int) -> None:
    identity = Identity(KEY)
    one = identity.token("a", value, length)
    assert len(one) == length
    assert one == identity.token("a", value, 51)[:length]
    assert identity.token("a", value, 51) != identity.token("b", value, 51)


@pytest.mark.parametrize("length", [0, 52, -1])
def test_token_lengths_have_limits(length: int) -> None:
    with pytest.raises(ValueError, match="51"):
        Identity(KEY).token("a", "b", length)


@pytest.mark.parametrize(
    "bad",
    [
        {"uid_root": "2.25."},
        {"uid_root": "1.02"},
        {"uid_root": "3.1"},
        {"uid_root": "1." + "2" * 37},
        {"uid_root": ""},
        {"patient_prefix": "A B"},
        {"patient_prefix": "A^"},
        {"patient_prefix": "A\\"},
        {"patient_prefix": "Ä"},
        {"patient_prefix": "A" * 49},
        {"max_days": 0},
        {"max_days": 6, "whole_weeks": True},
    ],
)
def test_unusable_parameters_are_profile_errors(bad: dict[str, object]) -> None:
    with pytest.raises(ProfileError) as caught:
        Identity(KEY, **bad)  # type: ignore[arg-type]
    assert caught.value.code == "profile-invalid"


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        Identity(b"short")

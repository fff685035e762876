"""New identities from the project key: UIDs, patient pseudonyms, date shifts and tokens.

Everything is derived, nothing is stored: the same key and the same original give the same result
in any process on any machine. Each use has its own sub-key (HKDF-SHA-256, RFC 5869), so that one
kind of result says nothing about another. Uses `hmac` and `hashlib` alone, because importing
`cryptography` costs more than the rest of a start.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from deident.errors import ProfileError

KEY_BYTES = 32
"""Length of a project key."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
_PSEUDONYM_CHARACTERS = 12  # 60 bits: two of a million patients meet once in two million projects
_MAX_TOKEN = 51  # base-32 characters in one SHA-256 digest
_UID_CACHE = 8192  # references repeat within a study, so older UIDs are rarely asked for again
_TOKEN_CACHE = 1024
_MAX_UID = 64  # characters, PS3.5 9.1
_MAX_ROOT = 38  # leaves 25 digits: more than 80 bits
_PADDING = " \t\r\n\0"
_ROOT = re.compile(r"(?:0|1|2)(?:\.(?:0|[1-9][0-9]*))+")
_PREFIX = re.compile(r"[!-~]{0,48}")
_NOT_IN_PREFIX = frozenset("\\^=*?{}")

_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def hkdf_sha256(key: bytes, info: bytes, length: int = 32, salt: bytes = b"") -> bytes:
    """Derive `length` bytes for the purpose `info` from `key` (RFC 5869, SHA-256).

    Raises:
        ValueError: more than 255 blocks of 32 bytes were asked for.
    """
    if not 0 < length <= 255 * 32:
        raise ValueError("HKDF-SHA-256 gives 1 to 8160 bytes")
    secret = hmac.digest(salt or bytes(32), key, "sha256")
    block = out = b""
    counter = 0
    while len(out) < length:
        counter += 1
        block = hmac.digest(secret, block + info + bytes((counter,)), "sha256")
        out += block
    return out[:length]


def check_character(text: str) -> str:
    """Check character for Crockford base-32 `text`.

    It finds any one wrong and any two swapped characters: a weighted sum in GF(32) whose weights
    are powers of a generator, so that no two of up to 31 places weigh the same.

    Raises:
        ValueError: a character is not of the alphabet.
    """
    total = 0
    for character in text:
        total <<= 1
        if total & 32:
            total ^= 0b100101
        total ^= _ALPHABET.index(character)
    total <<= 1
    return _ALPHABET[total ^ 0b100101 if total & 32 else total]


class Identity:
    """The secret of a project, as far as de-identification needs it.

    Picklable to worker processes; `repr` shows the fingerprint, never the key.

    Args:
        key: 32 random bytes.
        uid_root: `2.25` for UIDs made of a UUID (PS3.5 B.2), else a registered root of at most 38
            characters that digits are added to.
        patient_prefix: put before every pseudonymous Patient ID: printable ASCII without blanks.
        max_days: a patient's dates are moved 1 to `max_days` days into the past.
        whole_weeks: only by multiples of seven, so that weekdays stay.

    Raises:
        ValueError: the key has the wrong length.
        ProfileError: a parameter cannot be used.
    """

    def __init__(
        self,
        key: bytes,
        *,
        uid_root: str = "2.25",
        patient_prefix: str = "DEID-",
        max_days: int = 3650,
        whole_weeks: bool = False,
    ) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a project key has {KEY_BYTES} bytes")
        if not _ROOT.fullmatch(uid_root) or len(uid_root) > _MAX_ROOT:
            raise ProfileError(
                "profile-invalid",
                f"a UID root is numbers with dots between them, at most {_MAX_ROOT} characters",
            )
        if not _PREFIX.fullmatch(patient_prefix) or _NOT_IN_PREFIX & set(patient_prefix):
            raise ProfileError(
                "profile-invalid",
                "a patient prefix is at most 48 ASCII characters without blanks and \\ ^ = * ? { }",
            )
        if max_days < (7 if whole_weeks else 1):
            raise ProfileError("profile-invalid", "the longest date shift is too short")
        self._key = key
        self.uid_root = uid_root
        self.patient_prefix = patient_prefix
        self.max_days = max_days
        self.whole_weeks = whole_weeks
        self._mac_uid = _mac(key, "uid")
        self._mac_patient = _mac(key, "patient")
        self._mac_study = _mac(key, "study")
        self._mac_pseudonym = _mac(key, "pseudonym")
        self._mac_shift = _mac(key, "shift")
        self._token_macs: dict[str, Callable[[bytes], bytes]] = {}
        self._uid = lru_cache(maxsize=_UID_CACHE)(self._derive_uid)
        self._token = lru_cache(maxsize=_TOKEN_CACHE)(self._derive_token)

    def uid(self, old: str) -> str:
        """The UID that stands for `old` in this project (PS3.5 9.1, B.2; RFC 9562 version 8).

        Padding of `old` does not count. Whether a UID may be replaced at all (registered ones must
        stay) is for the caller to know.

        Raises:
            ValueError: `old` is empty.
        """
        return self._uid(old.strip(_PADDING))

    def _derive_uid(self, old: str) -> str:
        if not old:
            raise ValueError("an empty UID has no replacement")
        digest = self._mac_uid(old.encode())
        if self.uid_root == "2.25":
            return f"2.25.{_uuid8(digest)}"
        digits = min(39, _MAX_UID - len(self.uid_root) - 1)
        return f"{self.uid_root}.{int.from_bytes(digest, 'big') % 10**digits}"

    def patient_key(self, patient_id: str, issuer: str = "") -> bytes:
        """What stands for a patient inside this project: equal for equal Patient ID and Issuer.

        The same number from another issuer is another person.

        Raises:
            ValueError: the Patient ID is empty, see `fallback_key`.
        """
        patient = patient_id.strip(_PADDING).encode()
        if not patient:
            raise ValueError("an empty Patient ID does not name a patient")
        return self._mac_patient(
            len(patient).to_bytes(4, "big") + patient + issuer.strip(_PADDING).encode()
        )

    def fallback_key(self, study_uid: str) -> bytes:
        """What stands for the unnamed patient of one study; never equal to a `patient_key`.

        Raises:
            ValueError: the UID is empty.
        """
        study = study_uid.strip(_PADDING).encode()
        if not study:
            raise ValueError("an empty Study Instance UID does not name a study")
        return self._mac_study(study)

    def pseudonym(self, patient_key: bytes) -> str:
        """New Patient ID: prefix, 12 characters of base 32 and a check character."""
        text = _base32(self._mac_pseudonym(patient_key), _PSEUDONYM_CHARACTERS)
        return self.patient_prefix + text + check_character(text)

    def shift_days(self, patient_key: bytes) -> int:
        """By how many days the patient's dates move: -1 to -`max_days`, always into the past."""
        step = 7 if self.whole_weeks else 1
        number = int.from_bytes(self._mac_shift(patient_key)[:16], "big")
        return -step * (1 + number % (self.max_days // step))

    def token(self, purpose: str, value: str, length: int) -> str:
        """`length` characters of base 32 that stand for `value`, others for every `purpose`.

        Raises:
            ValueError: `length` is not 1 to 51.
        """
        if not 0 < length <= _MAX_TOKEN:
            raise ValueError(f"a token has 1 to {_MAX_TOKEN} characters")
        return self._token(purpose, value)[:length]

    def _derive_token(self, purpose: str, value: str) -> str:
        mac = self._token_macs.get(purpose)
        if mac is None:
            mac = self._token_macs[purpose] = _mac(self._key, f"token/{purpose}")
        return _base32(mac(value.encode()), _MAX_TOKEN)

    def fingerprint(self) -> str:
        """Short name of the key, safe to print: it tells keys apart and gives nothing away."""
        text = _base32(hkdf_sha256(self._key, _info("fingerprint")), 8)
        return f"{text[:4]}-{text[4:]}"

    def __repr__(self) -> str:
        return f"<Identity {self.fingerprint()}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (
            self._key,
            self.uid_root,
            self.patient_prefix,
            self.max_days,
            self.whole_weeks,
        )


def _restore(key: bytes, root: str, prefix: str, max_days: int, whole_weeks: bool) -> Identity:
    return Identity(
        key,
        uid_root=root,
        patient_prefix=prefix,
        max_days=max_days,
        whole_weeks=whole_weeks,
    )


def _info(purpose: str) -> bytes:
    return b"deident/1/" + purpose.encode()


def _mac(key: bytes, purpose: str) -> Callable[[bytes], bytes]:
    """HMAC-SHA-256 under the sub-key for `purpose`, its two key blocks hashed once (RFC 2104)."""
    block = hkdf_sha256(key, _info(purpose)).ljust(64, b"\0")
    inner = hashlib.sha256(block.translate(_INNER)).copy
    outer = hashlib.sha256(block.translate(_OUTER)).copy

    def mac(message: bytes) -> bytes:
        first = inner()
        first.update(message)
        second = outer()
        second.update(first.digest())
        return second.digest()

    return mac


def _uuid8(digest: bytes) -> int:
    """The first 128 bits of `digest` with version and variant of a custom UUID (RFC 9562 5.8)."""
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76
    return number & ~(0b11 << 62) | 0b10 << 62


def _base32(digest: bytes, length: int) -> str:
    number = int.from_bytes(digest, "big") >> (8 * len(digest) - 5 * length)
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * length - 5, -5, -5))

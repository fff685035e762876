"""A profile as plain data: how shipped profiles are kept, and what the hash of a profile covers."""

from __future__ import annotations

from typing import Any

from deident.profiles.model import DatePolicy, FilterRule, Profile, Rule, Selector

_SELECTOR = ("kind", "tag", "mask", "creator", "vr", "parents", "anchored", "text")
_RULE = ("action", "params", "when", "origin", "note")
_FILTER = ("when", "then", "origin", "note")
_DATES = ("max_days", "whole_weeks")
_PROFILE = (
    "name",
    "version",
    "description",
    "author",
    "edition",
    "base",
    "options",
    "naming",
    "verify",
    "strict_ages",
    "private_numeric",
    "private_characteristics",
    "patient_prefix",
    "uid_root",
)
# What people read; it changes nothing about what is done.
_WORDS = frozenset({"name", "version", "description", "author", "edition"})


def to_plain(profile: Profile) -> dict[str, Any]:
    """Return a profile as dictionaries, lists, texts and numbers; `from_plain` reads it back."""
    plain = _fields(profile, _PROFILE)
    plain["dates"] = _fields(profile.dates, _DATES)
    plain["rules"] = [
        {"select": _fields(rule.select, _SELECTOR), **_fields(rule, _RULE)}
        for rule in profile.rules
    ]
    plain["filters"] = [_fields(rule, _FILTER) for rule in profile.filters]
    return plain


def _fields(source: object, names: tuple[str, ...]) -> dict[str, Any]:
    values = {name: getattr(source, name) for name in names}
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in values.items()
    }


def from_plain(plain: dict[str, Any]) -> Profile:
    """Return the profile that `to_plain` wrote; the data is trusted."""
    rules = tuple(
        Rule(
            Selector(**{**rule["select"], "parents": tuple(rule["select"]["parents"])}),
            *(rule[name] for name in _RULE),
        )
        for rule in plain["rules"]
    )
    values = {name: plain[name] for name in _PROFILE}
    return Profile(
        **{**values, "options": tuple(plain["options"])},
        rules=rules,
        filters=tuple(FilterRule(**rule) for rule in plain["filters"]),
        dates=DatePolicy(**plain["dates"]),
    )


def profile_hash(profile: Profile) -> str:
    """Return the SHA-256 of what a profile does, in hexadecimal.

    Equal for profiles that differ in words only: name, version, description, author, edition,
    notes, where rules stand, and how selectors are spelled.
    """
    import json
    from hashlib import sha256

    from deident.profiles.selectors import canonical

    plain = {key: value for key, value in to_plain(profile).items() if key not in _WORDS}
    plain["rules"] = [
        [canonical(rule.select), rule.action, dict(rule.params), rule.when]
        for rule in profile.rules
    ]
    plain["filters"] = [[rule.when, rule.then] for rule in profile.filters]
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()

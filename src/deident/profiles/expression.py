"""The filter language: conditions on attributes, for filters and for the `when` of a rule.

    Modality == "CT" and not (ImageType contains "DERIVED")
    exists(PatientAge) and PatientAge > 89
    any(ImageType in ["SECONDARY", "OTHER"])
    RequestAttributesSequence/ScheduledProcedureStepID startswith "A"

Attributes are written as in selectors, counted from the top of the data set. Text is compared as
it stands, several values joined by a backslash; `any(…)` and `all(…)` look at each value by itself.
A `~` before a comparison ignores case: `~= ~contains ~startswith ~endswith ~matches ~in`. Patterns
of `matches` are Python's and must match the whole value. An attribute that is missing equals
nothing (`==` and the other comparisons of text are false, `!=` is true); a number compared with
what is not one, or with nothing by `< <= > >=`, raises, so that filters fail closed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from deident import tables
from deident.errors import InstanceError, ProfileError, UsageError
from deident.profiles.catalog import compile_pattern
from deident.profiles.selectors import match_selector

# The one attribute of the file meta information that conditions may ask for.
TRANSFER_SYNTAX_UID = 0x00020010

MAX_LENGTH = 10_000
MAX_DEPTH = 40
MAX_VALUE = 10_000
MAX_NUMBER = 64

# What a look-up is asked for: a top-level tag, or the tags from the top down; for a private
# attribute these end in group << 16 | low byte of the element number, followed by the creator.
Key = int | tuple[int | str, ...]
# Returns the decoded text, values joined by a backslash, or `None` if there is no such attribute;
# for a path, the values of all items in their order.
Lookup = Callable[[Key], str | None]


class ExpressionError(InstanceError):
    """An expression has no answer for this instance, e.g. text where a number is compared."""

    def __init__(self, message: str) -> None:
        super().__init__("rule-failed", message)
        self.args = (message,)


class Reference(NamedTuple):
    """An attribute as an expression names it: tags from the top down, creator if private."""

    path: tuple[int, ...]
    creator: str
    text: str
    vr: str

    def read(self, lookup: Lookup) -> str | None:
        """Return the attribute's text without the blanks and NULs around it."""
        if self.creator:
            value = lookup((*self.path, self.creator))
        else:
            value = lookup(self.path if len(self.path) > 1 else self.path[0])
        return value if value is None else value.strip(" \0")

    def tags(self) -> set[int]:
        """Return the top-level tags that the value can depend on."""
        top = self.path[0]
        if not self.creator or len(self.path) > 1:
            return {top}
        group, low = top & 0xFFFF0000, top & 0xFF
        blocks = range(0x10, 0x100)
        return {group | block for block in blocks} | {group | b << 8 | low for b in blocks}


Operand = str | float | re.Pattern[str]


class Constant(NamedTuple):
    """`true` or `false`."""

    value: bool

    def holds(self, _lookup: Lookup) -> bool:
        """Return the value."""
        return self.value


class Not(NamedTuple):
    """The opposite of a term."""

    term: Node

    def holds(self, lookup: Lookup) -> bool:
        """Return whether the term does not hold."""
        return not self.term.holds(lookup)


class Junction(NamedTuple):
    """`and` (all hold) or `or` (one holds), from left to right, no further than needed."""

    word: str
    terms: tuple[Node, ...]

    def holds(self, lookup: Lookup) -> bool:
        """Return whether all, or one, of the terms hold."""
        answers = (term.holds(lookup) for term in self.terms)
        return all(answers) if self.word == "and" else any(answers)


class Presence(NamedTuple):
    """`exists`, `missing`, or `empty`: there, but without a value."""

    word: str
    reference: Reference

    def holds(self, lookup: Lookup) -> bool:
        """Return whether the attribute is there, is not there, or is there without a value."""
        value = self.reference.read(lookup)
        if self.word == "empty":
            return value == ""
        return (value is None) == (self.word == "missing")


class Comparison(NamedTuple):
    """An attribute against what is written: text, number, pattern or a list of texts and numbers.

    `each` is `any` or `all` when every value is compared by itself, else empty.
    """

    reference: Reference
    operator: str
    fold: bool
    operands: tuple[Operand, ...]
    each: str = ""

    def holds(self, lookup: Lookup) -> bool:
        """Return the answer.

        Raises:
            ExpressionError: a number is compared with something else.
        """
        value = self.reference.read(lookup)
        if not self.each or value is None:
            return self._compare(value)
        values = [value] if self.reference.vr in _UNSPLIT else value.split("\\")
        answers = [self._compare(part.strip(" \0")) for part in values]
        return any(answers) if self.each == "any" else all(answers)

    def _compare(self, value: str | None) -> bool:
        if self.operator == "!=":
            return not self._equals(value, self.operands[0])
        if self.operator in _ORDERS:
            return _ORDERS[self.operator](self._number(value), self.operands[0])
        if value is None:
            return False
        if self.operator in ("==", "in"):
            return any(self._equals(value, operand) for operand in self.operands)
        if self.operator == "matches":
            if len(value) > MAX_VALUE:
                raise ExpressionError(f"{self.reference.text}: the value is too long for matches")
            return _TEXTS["matches"](value, self.operands[0])
        text = value.casefold() if self.fold else value
        return _TEXTS[self.operator](text, self.operands[0])

    def _equals(self, value: str | None, operand: Operand) -> bool:
        if isinstance(operand, (int, float)):
            return bool(value) and self._number(value) == operand
        return value is not None and (value.casefold() if self.fold else value) == operand

    def _number(self, value: str | None) -> float:
        """Return the value as a number; ages (VR AS) count in years."""
        text = value or ""
        if self.reference.vr == "AS":
            age = re.fullmatch(_AGE, text)
            if age:
                return int(age[1]) / _PER_YEAR[age[2]]
        elif len(text) <= MAX_NUMBER and re.fullmatch(_NUMBER, text):
            return _as_number(text)
        what = "the value is not one number" if text else "there is no value"
        raise ExpressionError(f"{self.reference.text}: {what}")


def _as_number(text: str) -> float:
    """Whole numbers stay exact, however long: an identifier must not equal its neighbour."""
    return float(text) if re.search(r"[.Ee]", text) else int(text)


Node = Constant | Not | Junction | Presence | Comparison

_UNSPLIT = frozenset({"LT", "ST", "UT", "UR"})  # a backslash is part of the text (PS3.5 6.2)
_NUMBER = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][-+]?[0-9]+)?"
_AGE = r"([0-9]{1,3})([DWMY])"
_PER_YEAR = {"Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}
_ORDERS: dict[str, Callable[..., bool]] = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}
_TEXTS: dict[str, Callable[..., bool]] = {
    "contains": lambda value, part: part in value,
    "startswith": lambda value, part: value.startswith(part),
    "endswith": lambda value, part: value.endswith(part),
    "matches": lambda value, pattern: pattern.fullmatch(value) is not None,
}


class Expression(NamedTuple):
    """A parsed condition: immutable, picklable, safe to evaluate in any thread.

    Attributes:
        text: as it was written.
        root: the outermost node.
        attributes: the top-level tags that its answer can depend on.
    """

    text: str
    root: Node
    attributes: frozenset[int]

    def evaluate(self, lookup: Lookup) -> bool:
        """Return whether the condition holds for the instance behind `lookup`.

        Raises:
            ExpressionError: it has no answer; the caller must fail closed.
        """
        return self.root.holds(lookup)


def parse(text: str) -> Expression:
    """Read an expression.

    Raises:
        ProfileError: with line and column, counted from 1, within `text`.
    """
    parser = _Parser(text)
    root = parser.whole()
    return Expression(text, root, frozenset(parser.tags))


# Compiled on first use: most runs parse no expression.
_SPACE = r"(?:\s|#[^\n]*)*"
_WORD = r"[A-Za-z]+(?![A-Za-z0-9])"
_PRESENCE = r"(exists|missing|empty)\s*\("
_EACH = r"(any|all)\s*\("
_OPERATOR = r"(==|!=|<=|>=|<|>|~=|~?(?:contains|startswith|endswith|matches|in)(?![A-Za-z0-9]))"
_STRING = r'"((?:[^"\\\n]|\\.)*)"|\'((?:[^\'\\\n]|\\.)*)\''
_LITERAL_NUMBER = _NUMBER + r"(?![A-Za-z0-9_.])"
_WORDS = frozenset({"and", "or", "not", "true", "false"})


class _Parser:
    """Recursive descent over the text itself; what a character means depends on where it stands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self.tags: set[int] = set()
        if len(text) > MAX_LENGTH:
            self.fail(f"an expression is longer than {MAX_LENGTH} characters")

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        at = self.position if position is None else position
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        raise ProfileError("profile-invalid", message, line=line, column=column)

    def skip(self) -> None:
        self.position = self.match(_SPACE).end()  # type: ignore[union-attr]

    def match(self, pattern: str) -> re.Match[str] | None:
        return re.compile(pattern).match(self.text, self.position)

    def take(self, pattern: str) -> re.Match[str] | None:
        self.skip()
        found = self.match(pattern)
        if found:
            self.position = found.end()
        return found

    def symbol(self, character: str) -> bool:
        self.skip()
        found = self.text.startswith(character, self.position)
        self.position += found
        return found

    def expect(self, character: str) -> None:
        if not self.symbol(character):
            self.fail(f"{character} is missing here")

    def word(self, word: str) -> bool:
        self.skip()
        found = self.match(_WORD)
        if found is None or found[0] != word:
            return False
        self.position = found.end()
        return True

    def whole(self) -> Node:
        self.skip()
        if self.position == len(self.text):
            self.fail("the expression is empty")
        node = self.junction("or")
        self.skip()
        if self.position != len(self.text):
            self.fail("and, or, or the end is expected here")
        return node

    def junction(self, word: str) -> Node:
        def term() -> Node:
            return self.junction("and") if word == "or" else self.negation()

        terms = [term()]
        while self.word(word):
            terms.append(term())
        return Junction(word, tuple(terms)) if len(terms) > 1 else terms[0]

    def negation(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"nested deeper than {MAX_DEPTH} levels")
        node = Not(self.negation()) if self.word("not") else self.primary()
        self.depth -= 1
        return node

    def primary(self) -> Node:
        for value in (True, False):
            if self.word(str(value).lower()):
                return Constant(value)
        if call := self.take(_PRESENCE):
            presence = Presence(call[1], self.reference())
            self.expect(")")
            return presence
        if call := self.take(_EACH):
            comparison = self.comparison(call[1])
            self.expect(")")
            return comparison
        self.skip()
        if self.text.startswith("(", self.position) and not self.match(_TAG_AHEAD):
            self.expect("(")
            node = self.junction("or")
            self.expect(")")
            return node
        return self.comparison("")

    def reference(self) -> Reference:
        self.skip()
        start = self.position
        found = self.match(_WORD)
        if start == len(self.text) or (found and found[0] in _WORDS):
            self.fail("an attribute is expected here")
        try:
            self.position, selector = match_selector(self.text, start)
        except UsageError as error:
            self.fail(error.message, start)
        if selector.kind not in ("tag", "private") or (selector.parents and not selector.anchored):
            self.fail("an expression names one attribute, with its whole path", start)
        path = (*selector.parents, selector.tag)
        if path[0] >> 16 < 8 and path != (TRANSFER_SYNTAX_UID,):
            self.fail(f"{selector.text} is not part of the data set; it cannot be asked for", start)
        vr = "" if selector.kind == "private" else tables.vr_of(selector.tag) or ""
        reference = Reference(path, selector.creator, selector.text, vr)
        self.tags |= reference.tags()
        return reference

    def comparison(self, each: str) -> Comparison:
        reference = self.reference()
        found = self.take(_OPERATOR)
        if found is None:
            self.fail("a comparison is expected here, such as == or contains")
        fold = found[1].startswith("~")
        operator = {"~=": "=="}.get(found[1], found[1].lstrip("~"))
        if operator == "in":
            self.expect("[")
            operands = [self.operand(operator, fold)]
            while self.symbol(","):
                operands.append(self.operand(operator, fold))
            self.expect("]")
        else:
            operands = [self.operand(operator, fold)]
        return Comparison(reference, operator, fold, tuple(operands), each)

    def operand(self, operator: str, fold: bool) -> Operand:
        self.skip()
        start = self.position
        if number := self.take(_LITERAL_NUMBER):
            if operator not in _ORDERS and (operator not in ("==", "!=", "in") or fold):
                self.fail("this comparison needs text in quotation marks", start)
            return _as_number(number[0])
        string = self.take(_STRING)
        if string is None:
            self.fail("text in quotation marks or a number is expected here")
        if operator in _ORDERS:
            self.fail("this comparison needs a number", start)
        inner = string[1] if string[1] is not None else string[2]
        if operator == "matches":
            try:
                return compile_pattern(inner, re.IGNORECASE if fold else 0)
            except ValueError as error:
                self.fail(str(error), start)
        text = re.sub(r"\\(.)", r"\1", inner)
        return text.casefold() if fold else text


_TAG_AHEAD = r"\(\s*[0-9A-Fa-f]{4}\s*,"

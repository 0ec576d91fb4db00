"""Calico's label selectors: text -> a small tree -> yes or no for a mapping of labels.

    or    := and ('||' and)*                 and := not ('&&' not)*            not := '!'* atom
    atom  := 'has(' L ')' | 'all()' | 'global()' | '(' or ')'
           | L ('==' | '!=' | 'contains' | 'starts with' | 'ends with') S
           | L ('in' | 'not in') '{' [S (',' S)* [',']] '}'

L is a label's name, S text in either kind of quotes, without escapes; between words stand spaces and tabs. The empty
text selects everything, and so do `all()` and `global()`. Of a label that is not there, `!=` and `not in` are true and
all else is false.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

Labels: TypeAlias = Mapping[str, str]
Selector: TypeAlias = Callable[[Labels], bool]

_LONGEST_LABEL: Final = 512
_DEEPEST: Final = 50  # parentheses and negations within each other
_TOKEN: Final = re.compile(
    r"""[ \t]*(?:
        (?P<text>"[^"]*"|'[^']*')
      | (?P<has>has\([ \t]*(?P<key>[A-Za-z0-9_./-]+)[ \t]*\))
      | (?P<all>all\([ \t]*\)) | (?P<global>global\([ \t]*\))
      | (?P<sign>==|!=|&&|\|\||[!(){},])
      | (?P<word>[A-Za-z0-9_./-]+)
    )""",
    re.VERBOSE | re.ASCII,
)
#: operators that are words -> their name; what may stand between two of the words is a space or nothing
_WORDS: Final = (
    (re.compile(r"[ \t]*contains(?![A-Za-z0-9_./-])"), "contains"),
    (re.compile(r"[ \t]*starts[ \t]*with(?![A-Za-z0-9_./-])"), "starts with"),
    (re.compile(r"[ \t]*ends[ \t]*with(?![A-Za-z0-9_./-])"), "ends with"),
    (re.compile(r"[ \t]*not[ \t]*in(?![A-Za-z0-9_./-])"), "not in"),
    (re.compile(r"[ \t]*in(?![A-Za-z0-9_./-])"), "in"),
)
_TESTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "==": lambda value, text: value == text,
    "contains": lambda value, text: text in value,
    "starts with": lambda value, text: value.startswith(text),
    "ends with": lambda value, text: value.endswith(text),
}


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Selector:
    """Compile a selector. Raises ValueError with a plain sentence that says where it stopped."""
    return _Parser(text).whole()


def matches(text: str, labels: Labels) -> bool:
    """Whether a selector picks these labels."""
    return parse(text)(labels)


def uses_global(text: str) -> bool:
    """Whether `global()` stands in a selector that can be parsed."""
    parser = _Parser(text)
    parser.whole()
    return parser.has_global


def _everything(_labels: Labels) -> bool:
    return True


class _Parser:
    """Recursive descent over the text, one token ahead."""

    def __init__(self, text: str) -> None:
        self._text: Final = text
        self._at = 0
        self._deep = 0
        self.has_global = False

    def whole(self) -> Selector:
        if not self._text.strip(" \t"):
            return _everything
        found = self._or()
        if self._text[self._at :].strip(" \t"):
            raise self._error("expected && or ||")
        return found

    def _or(self) -> Selector:
        parts = [self._and()]
        while self._sign("||"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda labels: any(part(labels) for part in parts)

    def _and(self) -> Selector:
        parts = [self._not()]
        while self._sign("&&"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda labels: all(part(labels) for part in parts)

    def _not(self) -> Selector:
        negated = False
        while self._sign("!"):
            negated = not negated
        found = self._atom()
        return (lambda labels: not found(labels)) if negated else found

    def _atom(self) -> Selector:
        token = _TOKEN.match(self._text, self._at)
        if token is None:
            raise self._error("expected a label, has(), all(), global() or (")
        if token["sign"] == "(":
            return self._group(token.end())
        if token["text"] is not None or token["sign"] is not None:
            raise self._error("expected a label, has(), all(), global() or (")
        self._at = token.end()
        if token["has"] is not None:
            key = self._label(token["key"])
            return lambda labels: key in labels
        if token["all"] is not None or token["global"] is not None:
            self.has_global = self.has_global or token["global"] is not None
            return _everything
        return self._comparison(self._label(token["word"]))

    def _group(self, begin: int) -> Selector:
        self._deep += 1
        if self._deep > _DEEPEST:
            raise self._error("nested too deep")
        self._at = begin
        found = self._or()
        if not self._sign(")"):
            raise self._error("expected )")
        self._deep -= 1
        return found

    def _comparison(self, key: str) -> Selector:
        if self._sign("=="):
            return self._test(key, "==")
        if self._sign("!="):
            wanted = self._string()
            return lambda labels: labels.get(key) != wanted
        for pattern, word in _WORDS:
            if (found := pattern.match(self._text, self._at)) is not None:
                self._at = found.end()
                if word not in ("in", "not in"):
                    return self._test(key, word)
                values = self._set()
                if word == "in":
                    return lambda labels: key in labels and labels[key] in values
                return lambda labels: key not in labels or labels[key] not in values
        raise self._error(f"expected an operator behind {key}: == != in, not in, contains, starts with, ends with")

    def _test(self, key: str, operator: str) -> Selector:
        wanted, test = self._string(), _TESTS[operator]
        return lambda labels: key in labels and test(labels[key], wanted)

    def _set(self) -> frozenset[str]:
        if not self._sign("{"):
            raise self._error("expected {")
        found: set[str] = set()
        while not self._sign("}"):
            found.add(self._string())
            if not self._sign(","):
                if not self._sign("}"):
                    raise self._error("expected , or }")
                break
        return frozenset(found)

    def _string(self) -> str:
        token = _TOKEN.match(self._text, self._at)
        if token is None or token["text"] is None:
            raise self._error("expected text in quotes")
        self._at = token.end()
        return token["text"][1:-1]

    def _sign(self, sign: str) -> bool:
        """Take a sign where it is the next token."""
        token = _TOKEN.match(self._text, self._at)
        if token is None or token["sign"] != sign:
            return False
        self._at = token.end()
        return True

    def _label(self, key: str) -> str:
        if len(key) > _LONGEST_LABEL:
            raise self._error(f"a label has at most {_LONGEST_LABEL} characters")
        return key

    def _error(self, text: str) -> ValueError:
        rest = self._text[self._at :].strip(" \t")
        where = f"at {rest[:30]!r}" if rest else "at the end"
        return ValueError(f"no selector: {text}, {where}")

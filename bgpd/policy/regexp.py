"""Regular expressions over AS paths, as operators write them.

The text is that of `wire.aspath.format_as_path`: "65001 65002 {1 2}". A pattern is searched for anywhere in it
unless `^` and `$` tie it down, and `_` is a boundary: a space, a brace, a comma, the beginning or the end.

A peer chooses the text and an operator the pattern, so a matcher that backtracks could be brought to a stop
by a long path. This one cannot: the pattern becomes an automaton, its states are built as they are first met and
kept (and thrown away where there are too many), and every character of the text costs one step.
"""

from typing import Final

ALPHABET: Final = "0123456789 {},()"  #: what may stand in a pattern as itself; braces and digits are in AS paths
_LONGEST: Final = 512  # characters of a pattern
_DEEPEST: Final = 40  # parentheses within parentheses
_LARGEST: Final = 4000  # nodes: a bound on what {m,n} may ask for
_MOST: Final = 1000  # states kept

_CHARS: Final = 0  # a node that takes one character out of a set
_EITHER: Final = 1  # goes on at both
_AT_START: Final = 2
_AT_END: Final = 3
_FOUND: Final = 4
_BOUNDARY: Final = frozenset(" {},()")
_ANY: Final = frozenset(ALPHABET)


class _Node:
    __slots__ = ("chars", "kind", "one", "other")

    def __init__(self, kind: int, chars: frozenset[str], one: int, other: int) -> None:
        self.kind: Final = kind
        self.chars: Final = chars
        self.one = one  #: the next node
        self.other = other  #: the other next node of _EITHER


class AsPathRegexp:
    """One pattern, ready to search. Raises ValueError (a plain sentence) for what is no pattern."""

    __slots__ = ("_accepts", "_accepts_at_end", "_ids", "_moves", "_nodes", "_sets", "_start", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern: Final = pattern
        self._nodes: Final[list[_Node]] = []
        self._start: Final = _Parser(pattern, self._nodes).start
        # The states met so far, by number: the nodes in each, where each character leads, and whether it is a find.
        self._ids: Final[dict[frozenset[int], int]] = {}
        self._sets: Final[list[frozenset[int]]] = []
        self._moves: Final[list[dict[str, int]]] = []
        self._accepts: Final[list[bool]] = []
        self._accepts_at_end: Final[list[bool]] = []
        self._state(self._closure([self._start], at_start=True, at_end=False))

    def search(self, text: str) -> bool:
        """Whether the pattern occurs in the text of an AS path. Time is linear in the text."""
        state = 0
        moves, accepts = self._moves, self._accepts
        for char in text:
            if accepts[state]:
                return True
            to = moves[state].get(char, -1)
            state = to if to >= 0 else self._step(state, char)
        return self._accepts_at_end[state]

    def _step(self, state: int, char: str) -> int:
        """The state after `char`: computed, and remembered."""
        nodes = self._nodes
        reached = [nodes[n].one for n in self._sets[state] if nodes[n].kind == _CHARS and char in nodes[n].chars]
        reached.append(self._start)  # the search may begin anywhere
        found = self._closure(reached, at_start=False, at_end=False)
        if len(self._sets) >= _MOST and found not in self._ids:
            for table in (self._sets, self._moves, self._accepts, self._accepts_at_end):
                table.clear()
            self._ids.clear()
            self._state(self._closure([self._start], at_start=True, at_end=False))
            return self._state(found)
        to = self._state(found)
        self._moves[state][char] = to
        return to

    def _state(self, nodes: frozenset[int]) -> int:
        known = self._ids.get(nodes)
        if known is not None:
            return known
        number = len(self._sets)
        if number:  # the first one is never met again: `^` holds there only
            self._ids[nodes] = number
        self._sets.append(nodes)
        self._moves.append({})
        self._accepts.append(self._finds(nodes))
        at_start = number == 0  # the very first state is also the end of an empty text
        self._accepts_at_end.append(self._finds(self._closure(list(nodes), at_start=at_start, at_end=True)))
        return number

    def _finds(self, nodes: frozenset[int]) -> bool:
        return bool([n for n in nodes if self._nodes[n].kind == _FOUND])

    def _closure(self, begin: list[int], *, at_start: bool, at_end: bool) -> frozenset[int]:
        """Every node that is reached from `begin` without a character."""
        seen: set[int] = set()
        todo = list(begin)
        while todo:
            number = todo.pop()
            if number in seen:
                continue
            seen.add(number)
            node = self._nodes[number]
            if node.kind == _EITHER:
                todo.append(node.one)
                todo.append(node.other)
            elif (node.kind == _AT_START and at_start) or (node.kind == _AT_END and at_end):
                todo.append(node.one)
        return frozenset(seen)


class _Parser:
    """Pattern -> nodes. Built from the end to the beginning: each piece is told where to go on."""

    def __init__(self, pattern: str, nodes: list[_Node]) -> None:
        self._text: Final = pattern
        self._nodes: Final = nodes
        self._at = 0
        self._depth = 0
        if not pattern:
            raise ValueError("an empty pattern; an empty AS path is written ^$")
        if len(pattern) > _LONGEST:
            raise ValueError(f"the pattern is longer than {_LONGEST} characters")
        tree = self._either()
        if self._at < len(pattern):
            raise ValueError(f"a ) without its ( at character {self._at + 1}")
        self.start: Final = self._build(tree, self._node(_FOUND))

    # -- text -> tree: ("chars", set) ("then", parts) ("either", parts) ("repeat", part, low, high) ("start",) ("end",)

    def _either(self) -> tuple[object, ...]:
        parts = [self._then()]
        while self._peek() == "|":
            self._at += 1
            parts.append(self._then())
        return parts[0] if len(parts) == 1 else ("either", parts)

    def _then(self) -> tuple[object, ...]:
        parts: list[tuple[object, ...]] = []
        while self._peek() not in ("", "|", ")"):
            part = self._atom()
            while True:
                found = self._repetition()
                if found is None:
                    break
                part = ("repeat", part, found[0], found[1])
            parts.append(part)
        return ("then", parts)

    def _repetition(self) -> tuple[int, int] | None:
        """(low, high) of `*`, `+`, `?`, `{m}`, `{m,}`, `{m,n}`; high -1: without end."""
        char = self._peek()
        if char in ("*", "+", "?") and char:
            self._at += 1
            return {"*": (0, -1), "+": (1, -1), "?": (0, 1)}[char]
        if char != "{":
            return None
        inside, close, _ = self._text[self._at + 1 :].partition("}")
        low, comma, high = inside.partition(",")
        if not (close and low.isdigit() and (not high or high.isdigit())):
            return None  # an AS set
        self._at += len(inside) + 2
        most = (int(high) if high else -1) if comma else int(low)
        if int(low) > 255 or most > 255 or 0 <= most < int(low):
            raise ValueError(f"{{{inside}}}: a repetition is {{m,n}} with m <= n <= 255")
        return int(low), most

    def _atom(self) -> tuple[object, ...]:
        char = self._text[self._at]
        self._at += 1
        if char == "(":
            return self._group()
        if char == "[":
            return ("chars", self._class())
        if char == ".":
            return ("chars", _ANY)
        if char == "^":
            return ("start",)
        if char == "$":
            return ("end",)
        if char == "_":
            return ("either", [("chars", _BOUNDARY), ("start",), ("end",)])
        if char in ("*", "+", "?"):
            raise ValueError(f"nothing before the {char} at character {self._at}")
        if char == "\\":
            char = self._peek()
            self._at += 1
        if not char or char not in ALPHABET:
            raise ValueError(f"{char or 'the end'!r} at character {self._at} is in no AS path (digits, spaces, {{ }})")
        return ("chars", frozenset(char))

    def _group(self) -> tuple[object, ...]:
        opened = self._at
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("parentheses nested too deep")
        tree = self._either()
        if self._peek() != ")":
            raise ValueError(f"the ( at character {opened} is not closed")
        self._at += 1
        self._depth -= 1
        return tree

    def _class(self) -> frozenset[str]:
        """[0-9], [^ ], [{}]: behind the opening bracket."""
        opened = self._at
        inside, close, _ = self._text[self._at :].partition("]")
        if not close or inside in ("", "^"):
            raise ValueError(f"the [ at character {opened} is empty or not closed")
        self._at += len(inside) + 1
        negated = inside[0] == "^"
        chars = inside[1:] if negated else inside
        found: set[str] = set()
        at = 0
        while at < len(chars):
            if chars[at + 1 : at + 2] == "-" and at + 2 < len(chars):
                low, high = chars[at], chars[at + 2]
                if not (low.isdigit() and high.isdigit() and low <= high):
                    raise ValueError(f"[{inside}]: a range in brackets is of digits, as in [0-9]")
                found.update(c for c in "0123456789" if low <= c <= high)
                at += 3
                continue
            if chars[at] not in ALPHABET:
                raise ValueError(f"[{inside}]: {chars[at]!r} is in no AS path")
            found.add(chars[at])
            at += 1
        return _ANY - found if negated else frozenset(found)

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    # -- tree -> nodes

    def _node(self, kind: int, chars: frozenset[str] = frozenset(), one: int = -1, other: int = -1) -> int:
        if len(self._nodes) >= _LARGEST:
            raise ValueError("the pattern is too large: its repetitions multiply")
        self._nodes.append(_Node(kind, chars, one, other))
        return len(self._nodes) - 1

    def _build(self, tree: tuple[object, ...], to: int) -> int:
        """The node where a piece begins, which goes on at `to`."""
        kind = tree[0]
        if kind == "chars":
            chars = tree[1]
            assert isinstance(chars, frozenset)
            return self._node(_CHARS, chars, to)
        if kind == "start":
            return self._node(_AT_START, one=to)
        if kind == "end":
            return self._node(_AT_END, one=to)
        if kind == "repeat":
            part, low, high = tree[1], tree[2], tree[3]
            assert isinstance(part, tuple)
            assert isinstance(low, int)
            assert isinstance(high, int)
            return self._repeat(part, low, high, to)
        parts = tree[1]
        assert isinstance(parts, list)
        if kind == "then":
            for part in reversed(parts):
                to = self._build(part, to)
            return to
        begin = self._build(parts[-1], to)
        for part in reversed(parts[:-1]):
            begin = self._node(_EITHER, one=self._build(part, to), other=begin)
        return begin

    def _repeat(self, part: tuple[object, ...], low: int, high: int, to: int) -> int:
        if high < 0:
            loop = self._node(_EITHER, other=to)
            self._nodes[loop].one = self._build(part, loop)
            begin = loop
        else:
            begin = to
            for _ in range(high - low):
                begin = self._node(_EITHER, one=self._build(part, begin), other=to)
        for _ in range(low):
            begin = self._build(part, begin)
        return begin

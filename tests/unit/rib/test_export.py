from bgpd.rib.export import Exports, equal
from bgpd.rib.path import Path
from bgpd.wire.attrs import Attrs, rewrite
from bgpd.wire.capability import Negotiated
from bgpd.wire.family import IPV4
from tests.unit.rib.helpers import attrs, path, source

SESSION = Negotiated(local_asn=64512, remote_asn=65000)


class Asked:
    """Lets through what has no MED, and counts."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, path: Path) -> Attrs | None:
        self.times += 1
        assert path.attrs is not None
        return path.attrs if path.attrs.med < 0 else None

    def export(self, path: Path, sort: int) -> Attrs | None:
        self.times += 1
        assert path.attrs is not None
        return rewrite(path.attrs, {4: bytes((0, 0, 0, sort))}, path.attrs.next_hop) if sort else None

    def classify(self, prefix: bytes) -> int:
        return prefix[0]


def test_a_path_is_asked_about_once() -> None:
    asked = Asked()
    exports = Exports(IPV4, asked, SESSION, None)
    good, bad = path(source(), attrs(1)), path(source(), attrs(1, med=5))
    for _ in range(3):
        assert exports.export(good) is good.attrs
        assert exports.export(bad) is None
        assert exports.passed(good, 0)
        assert not exports.passed(bad, 0)
    assert asked.times == 2


def test_what_another_group_was_told_is_not_what_this_one_was() -> None:
    asked = Asked()
    one, other = Exports(IPV4, asked, SESSION, None), Exports(IPV4, lambda _path: None, SESSION, None)
    good = path(source(), attrs(1))
    assert one.passed(good, 0)
    assert not other.passed(good, 0)
    assert one.passed(good, 0)


def test_the_same_words() -> None:
    exports = Exports(IPV4, Asked(), SESSION, None)
    old, same, new = path(source(), attrs(1)), path(source("b"), attrs(1)), path(source("c"), attrs(2))
    for given in (old, same, new):
        exports.export(given)
    assert same.attrs is not None
    assert new.attrs is not None
    assert equal(same.attrs, attrs(1))
    assert exports.same_words(old, same, same.attrs, 0)
    assert not exports.same_words(old, new, new.attrs, 0)


def test_a_class_of_prefixes_has_its_own_words() -> None:
    asked = Asked()
    exports = Exports(IPV4, asked, SESSION, asked)
    given = path(source(), attrs(1))
    words = [exports.export(given, sort) for sort in (0, 8, 24, 8)]
    assert [w.med if w is not None else None for w in words] == [None, 8, 24, 8]
    assert asked.times == 3
    assert exports.classify(b"\x18\x0a\0\0") == 24


def test_nobody_is_told_what_it_gave() -> None:
    exports = Exports(IPV4, Asked(), SESSION, None)
    given = path(source("a"), attrs(1))
    assert exports.for_member(given, "a", 0) is None
    assert exports.for_member(given, "b", 0) is given.attrs
    assert exports.for_member(None, "b", 0) is None

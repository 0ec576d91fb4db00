import pytest

from bgpd.cluster.kinds import BY_API, BY_CLASS, KINDS, REFUSED


def test_every_kind_is_found_by_each_of_its_names() -> None:
    for kind in KINDS:
        assert BY_API[kind.api, kind.name] is kind
        assert BY_CLASS[kind.make] is kind
        assert kind.plural == kind.plural.lower()
    assert len({kind.make for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_not_read(name: str) -> None:
    assert name not in {kind.name for kind in KINDS}
    assert REFUSED[name]

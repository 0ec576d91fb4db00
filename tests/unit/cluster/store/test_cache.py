import json
from pathlib import Path

import pytest

from bgpd.cluster.store import cache
from bgpd.cluster.store.base import Entry
from bgpd.cluster.store.picture import Picture

ENTRIES = [Entry("/a", b'{"x": "\xc3\xa9"}', 7, "f.yaml:3"), Entry("/b", b"\xff\xfe", 8, "/b")]


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "cache.json"
    cache.save(path, "etcd at x", Picture(ENTRIES, 9))
    found, why = cache.load(path, "etcd at x")
    assert (why, found is not None) == ("", True)
    assert found is not None
    assert list(found.entries.values()) == ENTRIES
    assert found.revision == 9
    assert path.stat().st_mode & 0o777 == 0o600  # passwords may stand in it
    assert [p.name for p in path.parent.iterdir()] == ["cache.json"]


def test_a_cache_of_another_datastore_is_none(tmp_path: Path) -> None:
    cache.save(tmp_path / "c", "etcd at x", Picture(ENTRIES))
    found, why = cache.load(tmp_path / "c", "etcd at y")
    assert found is None
    assert "another datastore" in why


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"version": 1}', '{"version":1,"store":"s","entries":3}', "\0"]
)
def test_a_damaged_one_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c"
    path.write_text(text)
    found, why = cache.load(path, "s")
    assert found is None
    assert "damaged" in why
    assert cache.load(tmp_path / "absent", "s") == (None, f"{tmp_path / 'absent'}: there is none yet")


def test_every_cut_of_the_file_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "c"
    cache.save(path, "s", Picture(ENTRIES, 9))
    whole = path.read_text()
    json.loads(whole)
    for end in range(len(whole)):
        path.write_text(whole[:end])
        assert cache.load(path, "s")[0] is None

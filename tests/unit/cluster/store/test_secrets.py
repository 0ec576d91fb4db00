from pathlib import Path

import pytest

from bgpd.cluster.store.base import Entry
from bgpd.cluster.store.secrets import find


def test_from_a_directory(tmp_path: Path) -> None:
    (tmp_path / "bgp").mkdir()
    (tmp_path / "bgp" / "rack1").write_bytes(b"s3cret\n")
    assert find("bgp", "rack1", tmp_path, {}) == b"s3cret"


def test_from_the_store() -> None:
    entries = {"/bgpd/v1/secrets/bgp/rack1": Entry("/bgpd/v1/secrets/bgp/rack1", b"s3cret", 1)}
    assert find("bgp", "rack1", None, entries) == b"s3cret"


@pytest.mark.parametrize("value", [b"", b"\n", b"a\nb", b"x" * 81])
def test_what_is_no_password(value: bytes) -> None:
    with pytest.raises(ValueError, match="a password is one line"):
        find("a", "b", None, {"/bgpd/v1/secrets/a/b": Entry("", value, 1)})


def test_a_missing_one_is_an_error(tmp_path: Path) -> None:
    """A directory, where there is one, is the only place."""
    entries = {"/bgpd/v1/secrets/bgp/rack1": Entry("", b"x", 1)}
    with pytest.raises(ValueError, match="no such file"):
        find("bgp", "rack1", tmp_path, entries)
    with pytest.raises(ValueError, match="not in the datastore"):
        find("bgp", "other", None, entries)


@pytest.mark.parametrize(("name", "key"), [("..", "x"), ("a", ".."), ("a/b", "c"), ("", "x"), ("a", ""), ("a", "x\0")])
def test_no_way_out_of_the_directory(tmp_path: Path, name: str, key: str) -> None:
    with pytest.raises(ValueError, match="no name of a secret"):
        find(name, key, tmp_path / "secrets", {})

"""Debian packages out of a cache: without a network, by packages made here."""

import json
import subprocess
from pathlib import Path

import pytest

from bgpd.lab import debian
from bgpd.lab.debian import DebianError, unpack


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A package `hello` with a program and a library."""
    root = tmp_path / "source"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(
        "Package: hello\nVersion: 1.2-3\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: x\n"
    )
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/hello").write_text("#!/bin/sh\necho hello\n")
    (root / "usr/bin/hello").chmod(0o755)
    (root / "usr/lib/x86_64-linux-gnu").mkdir(parents=True)
    (root / "usr/lib/x86_64-linux-gnu/libhello.so.1").write_text("")
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", str(root), str(tmp_path)], check=True, capture_output=True
    )
    return tmp_path / "hello_1.2-3_all.deb"


@pytest.fixture
def served(archive: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Downloads come from `archive`; returns the packages that were downloaded."""
    asked: list[str] = []

    def download(package: str, options: list[str], work: Path) -> None:
        asked.append(package)
        if package != "hello":
            raise DebianError(f"Unable to locate package {package}")
        (work / "archives").mkdir(exist_ok=True)
        (work / "archives" / archive.name).write_bytes(archive.read_bytes())

    monkeypatch.setattr(debian, "_download", download)
    monkeypatch.setattr(debian, "_private_lists", lambda where: ["-o", "x"])
    return asked


def test_unpack_once(tmp_path: Path, served: list[str]) -> None:
    cache = tmp_path / "cache"
    tree = unpack(["hello"], cache)
    assert tree.versions == {"hello": "1.2-3"}
    assert subprocess.run([tree.path("hello")], capture_output=True, text=True, check=True).stdout == "hello\n"
    assert unpack(["hello"], cache) == tree
    assert served == ["hello"]
    assert sorted(path.name for path in cache.iterdir() if not path.name.startswith(".")) == ["hello"]


def test_env_names_the_libraries(tmp_path: Path, served: list[str]) -> None:
    tree = unpack(["hello"], tmp_path / "cache")
    own = str(tmp_path / "cache/hello/usr/lib/x86_64-linux-gnu")
    assert tree.env({})["LD_LIBRARY_PATH"] == own
    assert tree.env({"LD_LIBRARY_PATH": "/x"})["LD_LIBRARY_PATH"] == f"{own}:/x"


def test_no_such_program_or_file(tmp_path: Path, served: list[str]) -> None:
    tree = unpack(["hello"], tmp_path / "cache")
    with pytest.raises(DebianError, match="no program bye in"):
        tree.path("bye")
    with pytest.raises(DebianError, match="no usr/share/yang in"):
        tree.file("usr/share/yang")
    assert tree.file("usr/bin").name == "bin"


def test_no_such_package_leaves_nothing(tmp_path: Path, served: list[str]) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(DebianError, match="Unable to locate package goodbye"):
        unpack(["goodbye"], cache)
    assert served == ["goodbye", "goodbye"]  # the second time with lists of its own
    assert not [path for path in cache.iterdir() if not path.name.endswith(".lock")]


def test_a_torn_directory_is_fetched_again(tmp_path: Path, served: list[str]) -> None:
    cache = tmp_path / "cache"
    (cache / "hello").mkdir(parents=True)  # no manifest: whoever made it did not finish
    assert json.loads((unpack(["hello"], cache).roots[0] / "manifest.json").read_text()) == {"hello": "1.2-3"}


def test_accounts_are_the_machines_and_ours(tmp_path: Path, served: list[str]) -> None:
    accounts = unpack(["hello"], tmp_path / "cache").accounts
    passwd = (accounts / "passwd").read_text()
    assert passwd.startswith(Path("/etc/passwd").read_text().rstrip("\n").split("\n")[0])
    users = [line.split(":")[0] for line in passwd.splitlines()]
    assert set(debian.ACCOUNTS) <= set(users)
    assert len(users) == len(set(users))
    groups = {line.split(":")[0]: line.split(":")[3] for line in (accounts / "group").read_text().splitlines()}
    assert "root" in groups["frrvty"].split(",")


def test_command_execs_the_program(tmp_path: Path, served: list[str]) -> None:
    tree = unpack(["hello"], tmp_path / "cache")
    argv = tree.command("hello", "--version")
    assert argv[0] == "unshare"
    assert argv[-2:] == [tree.path("hello"), "--version"]
    assert 'exec "$@"' in argv[-4]


@pytest.mark.parametrize(("line", "after"), [("g:x:5:", "g:x:5:root"), ("g:x:5:a,b", "g:x:5:a,b,root")])
def test_with_root(line: str, after: str) -> None:
    assert debian._with_root(line) == after


def test_a_user_with_a_home_that_root_owns(tmp_path: Path, served: list[str]) -> None:
    tree = unpack(["hello"], tmp_path / "cache")
    work = tmp_path / "work"
    work.mkdir()
    found = debian.with_home(tree, "_openbgpd", work)
    rows = [line for line in (found.accounts / "passwd").read_text().splitlines() if line.startswith("_openbgpd:")]
    assert rows == [f"_openbgpd:x:64990:64990::{work}/empty:/usr/sbin/nologin"]
    assert [line for line in (found.accounts / "group").read_text().splitlines() if line.startswith("_openbgpd:")]
    assert list((work / "empty").iterdir()) == []
    assert found.roots == tree.roots
    assert found.accounts != tree.accounts

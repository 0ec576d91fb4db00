"""The tables that the load makes, decoded by our codec."""

import socket
import struct
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from bench import compiler
from bench.compiler import program
from bgpd.lab.shell import Failed
from bgpd.wire.attrs import AttrsTable
from bgpd.wire.capability import Negotiated
from bgpd.wire.framing import Framer
from bgpd.wire.update import Update, decode_update

ORIGIN, SET_BITS, FIRST_AS = 0x01000000, 20, 400001
SESSION = Negotiated(local_asn=65000, remote_asn=FIRST_AS)


def dump(**options: int) -> bytes:
    words = [f"{key}={value}" for key, value in ({"dump": 1} | options).items()]
    return subprocess.run([program("load"), *words], capture_output=True, check=True).stdout


def decoded(stream: bytes) -> list[Update]:
    framer, table, found = Framer(), AttrsTable(), []
    framer.feed(stream)
    while (frame := framer.next_frame()) is not None:
        found.append(decode_update(frame, SESSION, table))
    assert framer.pending == 0
    return found


def path(update: Update) -> tuple[int, ...]:
    attrs = update.batches[0].attrs
    assert attrs is not None
    value = attrs.as_path_value()
    assert value[0] == 2
    assert len(value) == 2 + 4 * value[1]
    return struct.unpack(f"!{value[1]}I", value[2:])


@pytest.mark.parametrize(("family", "length", "share"), [(4, 24, 0.60), (6, 48, 0.48)])
def test_a_table_is_what_the_page_says(family: int, length: int, share: float) -> None:
    *updates, end = decoded(dump(routes=20_000, family=family))
    assert end.end_of_rib is not None
    assert not [update.faults for update in updates if update.faults]
    prefixes = [prefix for update in updates for prefix in update.batches[0].announced]
    assert len(prefixes) == len(set(prefixes)) == 20_000
    assert Counter(prefix[0] for prefix in prefixes)[length] / 20_000 == pytest.approx(share, abs=0.02)
    sizes = sorted(len(update.batches[0].announced) for update in updates)
    assert 4 < sum(sizes) / len(sizes) < 5
    assert 0.4 < sizes.count(1) / len(sizes) < 0.5
    assert 40 < sizes[-1] <= 200
    hops = Counter(len(path(update)) for update in updates)
    assert set(hops) == {3, 4, 5, 6, 7}
    with_communities = sum(update.batches[0].attrs.get(8) is not None for update in updates)  # type: ignore[union-attr]
    with_large = sum(update.batches[0].attrs.get(32) is not None for update in updates)  # type: ignore[union-attr]
    assert with_communities / len(updates) == pytest.approx(0.75, abs=0.03)
    assert with_large / len(updates) == pytest.approx(0.15, abs=0.03)


def test_a_route_says_who_sent_it_and_which_announcement_it_is() -> None:
    for generation in (0, 7, 63):
        *updates, _ = decoded(dump(routes=500, generation=generation))
        for number, update in enumerate(updates):
            first, *_, last = path(update)
            assert first == FIRST_AS
            assert last == ORIGIN + (generation << SET_BITS) + number
            assert update.batches[0].attrs.next_hop == socket.inet_aton("10.99.1.1")  # type: ignore[union-attr]


def test_the_same_seed_is_the_same_table() -> None:
    assert dump(routes=3000, seed=5) == dump(routes=3000, seed=5)
    assert dump(routes=3000, seed=5) != dump(routes=3000, seed=6)


def test_a_new_generation_has_the_same_prefixes_with_other_attributes() -> None:
    old, new = decoded(dump(routes=2000)), decoded(dump(routes=2000, generation=1))
    same = 0
    for before, after in zip(old[:-1], new[:-1], strict=True):
        assert before.batches[0].announced == after.batches[0].announced
        same += before.batches[0].attrs.raw == after.batches[0].attrs.raw  # type: ignore[union-attr]
    assert same == 0


@pytest.mark.parametrize("family", [4, 6])
def test_withdrawals_take_back_everything(family: int) -> None:
    announced = {p for update in decoded(dump(routes=5000, family=family))[:-1] for p in update.batches[0].announced}
    updates = decoded(dump(routes=5000, family=family, dump=2))
    assert {p for update in updates for p in update.batches[0].withdrawn} == announced
    assert len(updates) < 5000 * 7 / 3900 + 2  # they are full


def test_feeders_with_routes_of_their_own() -> None:
    *updates, _ = decoded(dump(routes=1000, feeders=3, disjoint=1))
    assert sum(len(update.batches[0].announced) for update in updates) == 1000


def test_what_the_load_refuses() -> None:
    done = subprocess.run([program("load"), "colour=1"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown option colour" in done.stderr


def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "BINARIES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failed, match="apt-get install gcc"):
        program("load")

"""The bytes of every bug found so far, on every kind of session."""

from pathlib import Path

import pytest

from bgpd.wire.attrs import AttrsTable
from bgpd.wire.framing import Framer
from tests.property.test_wire_hostile import outcome, survives
from tests.property.wire_strategies import ALL_SESSIONS

CORPUS = sorted((Path(__file__).parents[1] / "corpus" / "wire").glob("*.hex"))


def read(path: Path) -> bytes:
    return bytes.fromhex("".join([line for line in path.read_text().splitlines() if not line.startswith("#")]))


def test_there_is_a_corpus() -> None:
    assert CORPUS


@pytest.mark.parametrize("path", CORPUS, ids=[path.stem for path in CORPUS])
def test_bytes_that_once_broke_something(path: Path) -> None:
    frame = read(path)
    framer = Framer()
    framer.feed(frame)
    assert framer.next_frame() == frame
    for session in ALL_SESSIONS:
        survives(frame, session)
        table = AttrsTable()
        assert outcome(frame, session, table) == outcome(frame, session, table)

import re

import pytest

from bgpd.session.effects import Dial, DownReason, Moved, Supersede
from bgpd.session.fsm import State


def test_reasons_are_words_for_metrics_and_json() -> None:
    words = [reason.value for reason in DownReason]
    assert len(set(words)) == len(words)
    for word in words:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", word)


def test_effects_are_values() -> None:
    assert Dial() == Dial()
    assert Supersede() == Supersede()
    moved = Moved(State.IDLE, State.CONNECT, "dialing")
    assert moved == Moved(State.IDLE, State.CONNECT, "dialing", None)
    with pytest.raises(AttributeError):
        moved.reason = "other"  # type: ignore[misc]

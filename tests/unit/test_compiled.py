"""Which modules run as machine code: asked of the modules themselves."""

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from types import ModuleType

import pytest

from bgpd import compiled
from bgpd.rib import loc_rib


def test_what_runs_is_what_was_asked_for() -> None:
    """`make test-compiled` sets the variable: a build that had compiled nothing must not pass for one."""
    wanted = os.environ.get("COMPILED_TESTS") == "1"
    assert loc_rib.__file__.endswith(".py") is not wanted
    assert ("rib" in compiled.rooms()) is wanted
    assert compiled.words().startswith("compiled: " if wanted else "interpreted")


def test_rooms_are_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("bgpd.")]:
        monkeypatch.delitem(sys.modules, name)
    assert compiled.rooms() == ()
    for name, suffix in (("bgpd.b.x", EXTENSION_SUFFIXES[0]), ("bgpd.b.y", EXTENSION_SUFFIXES[0]), ("bgpd.c", ".py")):
        module = ModuleType(name)
        module.__file__ = f"/somewhere/{name}{suffix}"
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "bgpd.namespace", ModuleType("bgpd.namespace"))
    assert compiled.rooms() == ("b",)
    assert compiled.words() == "compiled: b"

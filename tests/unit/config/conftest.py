"""The `case` fixture: a directory and a machine of its own for each test."""

from pathlib import Path

import pytest

from tests.unit.config.cases import Case


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.chdir(tmp_path)
    return Case(tmp_path)

"""Running things on hosts: the answer, or a sentence that names the host and the command."""

from typing import cast

import pytest

from bgpd.lab.driver import Driver, bgpctl, on, stream_on, try_on
from bgpd.lab.shell import Failed


class Here:
    """A driver whose only host is this machine."""

    def __init__(self, answer: str = "[]") -> None:
        self.answer = answer

    def argv(self, host: str, command: list[str]) -> list[str]:
        return command

    def bgpctl(self, node: str) -> list[str]:
        return ["echo", self.answer, "#"]


HERE = cast("Driver", Here())


def test_on() -> None:
    assert on(HERE, "pod1", "echo", "x") == "x\n"
    with pytest.raises(Failed, match=r"^on pod1: false: exit 1$"):
        on(HERE, "pod1", "false")
    assert try_on(HERE, "pod1", "false")[0] == 1


def test_stream_on() -> None:
    with stream_on(HERE, "pod1", "echo", "x") as stream:
        assert stream.wait(bool, timeout=5, what="x") == ["x"]


def test_bgpctl_says_json_or_why_not() -> None:
    class Json(Here):
        def bgpctl(self, node: str) -> list[str]:
            return ["sh", "-c", 'echo "{\\"words\\": \\"$*\\"}"', "sh"]

    assert bgpctl(cast("Driver", Json()), "node1", "show", "status") == {"words": "--json show status"}
    with pytest.raises(Failed, match="bgpctl show status on node1 printed no JSON"):
        bgpctl(HERE, "node1", "show", "status")

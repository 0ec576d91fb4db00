"""A machine made of values, and the shortest way to a parsed configuration."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bgpd.config import ConfigError, NoRouterIdError, Parsed, parse


class Machine:
    """A `Host` that knows what the test says."""

    def __init__(self) -> None:
        self.local = {bytes([192, 168, 1, 10]): "eth0"}
        self.id: bytes | None = bytes([192, 168, 1, 10])

    def hostname(self) -> str:
        return "node1"

    def addresses(self) -> Mapping[bytes, str]:
        return self.local

    def router_id(self) -> tuple[bytes, str]:
        if self.id is None:
            raise NoRouterIdError("this machine has no IPv4 address to take it from")
        return self.id, "the source of the default route, on eth0"


class Case:
    """Runs parse() in a directory of its own, with a `bgpd.yaml` where text for one is given."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.host = Machine()

    def file(self, name: str, text: str | bytes, mode: int = 0o400) -> str:
        path = self.directory / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        return name

    def parse(self, *argv: str, yaml: str | bytes | None = None, **environ: str) -> Parsed:
        named = ["-c", self.file("bgpd.yaml", yaml, 0o644)] if yaml is not None else []
        return parse([*argv, *named], environ, self.host)

    def errors(self, *argv: str, yaml: str | bytes | None = None, **environ: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            self.parse(*argv, yaml=yaml, **environ)
        return caught.value.lines

    def warnings(self, *argv: str, yaml: str | bytes | None = None, **environ: str) -> list[str]:
        return self.parse(*argv, yaml=yaml, **environ).warnings

"""parse(): the whole way from arguments to a spec. Called at start, and again as it is on SIGHUP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bgpd.config.build import NO_HOST, Host, build
from bgpd.config.flags import read_environment, read_flags
from bgpd.config.origin import Collected
from bgpd.config.report import Report
from bgpd.config.values import Values, judge, merge
from bgpd.model import DaemonSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A configuration that was accepted."""

    spec: DaemonSpec
    warnings: list[str]  #: one sentence each, with its place; the caller logs them
    check: bool  #: --check was given: print `text()` and leave
    path: str | None  #: the YAML file that was read, as it was named
    values: Values = field(repr=False)

    def text(self) -> str:
        """The effective configuration as YAML, each line with where its value came from."""
        from bgpd.config.show import show  # noqa: PLC0415 - only for --check

        return show(self.values)


def parse(argv: Sequence[str], environ: Mapping[str, str], host: Host = NO_HOST) -> Parsed:
    """Read flags (without the program's name), environment and the YAML file that they name.

    `host` answers what only the machine knows; `bgpd.net.discover.ThisHost()` is the real one.
    Raises ConfigError (every reason, one a line; exit code 2). `--help` and `--version` print and raise
    SystemExit(0), as argparse does. Blocks for as long as it takes to read the files.
    """
    report = Report()
    layers = [read_flags(argv, report), read_environment(environ, report)]
    path = _path(layers)
    if path is not None:
        from bgpd.config.load import load  # noqa: PLC0415 - yaml costs 30 ms: only where there is a file

        layers.append(load(path, report))
    values = judge(merge(layers, report), report)
    spec = build(values, report, host)
    return Parsed(spec=spec, warnings=report.warnings, check=values.get("check"), path=path, values=values)


def _path(layers: list[Collected]) -> str | None:
    """The file to read: named by a flag, else by the environment. A name that cannot be one is judged later."""
    named = [layer.items["config"][-1].text for layer in layers if "config" in layer.items]
    return named[0] if named and named[0] and "\0" not in named[0] else None

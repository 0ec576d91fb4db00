"""`bgpd render --node NAME --resources PATH... [--json]`: what a node would do, worked out from files alone.

It is the daemon's own decision (`cluster.decide`): what is printed is what would be done. Where only a machine or a
moment could say (health checks, secrets without a directory) everything is taken to be there and well.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bgpd.cluster.decide import UnknownNodeError, decide
from bgpd.cluster.decode import Decoded, decode_json, decode_yaml
from bgpd.cluster.facts import COMPAT
from bgpd.cluster.problem import Cause, Problem
from bgpd.cluster.render import as_json, as_text
from bgpd.cluster.resources import SecretRef
from bgpd.cluster.snapshot import Snapshot, settle
from bgpd.config.kinds import ROUTER_ID
from bgpd.config.load import read_text
from bgpd.config.report import ConfigError

_ENDINGS: Final = (".yaml", ".yml", ".json")


def main(words: Sequence[str]) -> int:
    """Exit code: 0 printed (with what is wrong on stderr), 2 the words, a path or the node's name are wrong."""
    arguments = _parser().parse_args(words)
    try:
        router_id = _router_id(arguments.router_id)
        snapshot = read(arguments.resources, arguments.secrets)
        plan = decide(snapshot, arguments.node, compat=COMPAT.get(arguments.compat), router_id=router_id)
    except (UnknownNodeError, ValueError) as error:
        print(f"bgpd: {error}", file=sys.stderr)
        return 2
    except ConfigError as error:
        for line in error.lines:
            print(f"bgpd: {line}", file=sys.stderr)
        return 2
    for problem in dict.fromkeys((*snapshot.problems, *plan.problems)):
        print(f"bgpd: {problem}", file=sys.stderr)
    print(json.dumps(as_json(plan), indent=2) if arguments.json else as_text(plan), end="\n" if arguments.json else "")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bgpd render", description="print what a node of a cluster would do")
    parser.add_argument("--node", required=True, metavar="NAME", help="the node")
    parser.add_argument(
        "--resources",
        required=True,
        nargs="+",
        action="extend",
        metavar="PATH",
        help="files of resources (YAML or JSON), or directories of them",
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    parser.add_argument(
        "--secrets", metavar="DIRECTORY", help="passwords, as DIRECTORY/NAME/KEY; without it: all there"
    )
    parser.add_argument("--compat", choices=list(COMPAT), help="over what ClusterConfiguration says")
    parser.add_argument("--router-id", metavar="ADDR|hash", default="", help="over what ClusterConfiguration says")
    return parser


def _router_id(text: str) -> str:
    if text not in ("", "hash"):
        ROUTER_ID.parse(text)
    return text


def read(paths: Sequence[str], secrets: str | None) -> Snapshot:
    """The snapshot of everything in these files. Raises ConfigError for a path that cannot be read."""
    found: list[Decoded] = []
    for path in [each for name in paths for each in _files(name)]:
        try:
            text = read_text(path)
        except ConfigError as error:
            found.append(Decoded((), tuple(Problem("", "", "", line, "", Cause.SYNTAX) for line in error.lines)))
            continue
        found.append(decode_json(text, path) if path.endswith(".json") else decode_yaml(text, path))
    resources = [resource for each in found for resource in each.resources]
    problems = [problem for each in found for problem in each.problems]
    return settle(resources, problems, secrets=None if secrets is None else _secrets(secrets))


def _files(name: str) -> list[str]:
    path = Path(name)
    if path.is_dir():
        return [
            str(each) for each in sorted(path.iterdir()) if each.suffix in _ENDINGS and not each.name.startswith(".")
        ]
    if not path.exists():
        raise ConfigError([f"{name}: there is no such file or directory"])
    return [name]


def _secrets(name: str) -> frozenset[SecretRef]:
    path = Path(name)
    if not path.is_dir():
        raise ConfigError([f"{name}: there is no such directory"])
    return frozenset(SecretRef(each.parent.name, each.name) for each in path.glob("*/*") if each.is_file())

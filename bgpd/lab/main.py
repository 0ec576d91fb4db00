"""`bgpd lab up | check | down | render`: the lab as a command."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import bgpd
from bgpd.lab import checks, compose, netns, render
from bgpd.lab.debian import DebianError
from bgpd.lab.driver import Driver
from bgpd.lab.shell import Failed
from bgpd.lab.topology import MAX_NODES, build, build_cluster
from bgpd.lab.verdict import Verdict
from bgpd.model import Overlay

WHAT = {"docker": "in containers", "netns": "in network namespaces"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of the lab and return its exit code: 0, 1 (it failed, or the verdict is FAIL), 2 (usage)."""
    options = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(options.command(options))
    except (Failed, DebianError) as error:
        print(f"bgpd lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bgpd lab: interrupted; `bgpd lab down` removes what was made", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bgpd lab", description="The cluster lab.", allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=text, description=text, allow_abbrev=False)

    up = command("up", "make a lab, look at everything, judge it, leave it running")
    up.add_argument("--nodes", type=_nodes, metavar="N", help="how many nodes (default 5; in containers 3)")
    up.add_argument(
        "--overlay",
        type=Overlay,
        default=Overlay.NEVER,
        choices=list(Overlay),
        metavar="MODE",
        help="packets between pods in VXLAN: never (default), cross-subnet or always",
    )
    up.add_argument("--no-check", action="store_true", help="make it and look at nothing")
    up.set_defaults(command=_up)
    check = command("check", "look at a running lab again (a node is stopped and started)")
    check.set_defaults(command=_check)
    down = command("down", "remove every trace of a lab")
    down.add_argument("--images", action="store_true", help="the images of the container lab too")
    down.set_defaults(command=_down)
    written = command("render", "write docker-compose.yml and docker/ from the topology")
    written.add_argument("--check", action="store_true", help="write nothing, fail where a file differs")
    written.set_defaults(command=_render)
    for sub in (up, check):
        sub.add_argument(
            "--patience",
            type=float,
            default=checks.PATIENCE,
            metavar="SECONDS",
            help="how long to wait for what must happen (default %(default).0f)",
        )
    for sub in (up, check, down):
        sub.add_argument(
            "--driver",
            choices=["auto", "netns", "docker"],
            default="netns" if sub is up else "auto",
            help="namespaces, containers, or whichever fits (default: %(default)s)",
        )
        sub.add_argument("--name", default="lab", help="the lab's name, where several run in namespaces (default lab)")
    return parser


def _nodes(text: str) -> int:
    try:
        return len(build(int(text)).nodes)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"a number from 2 to {MAX_NODES} is wanted, not {text!r}") from error


def _up(options: argparse.Namespace) -> int:
    if options.driver == "auto":
        options.driver = "docker" if compose.engine_answers() else "netns"
    driver: Driver
    if options.driver == "docker":
        if not compose.engine_answers():
            raise Failed("no Docker engine answers")
        driver = compose.ComposeDriver(print, build(options.nodes or 3, overlay=options.overlay))
    else:
        driver = netns.NetnsDriver(build_cluster(options.nodes or 5, overlay=options.overlay), options.name)
    print(f"bgpd lab: {len(driver.topology.nodes)} nodes {WHAT[driver.kind]}, overlay {options.overlay.value}")
    driver.up()
    if options.no_check:
        return 0
    return judge(driver, options.patience)


def judge(driver: Driver, patience: float) -> int:
    """Look at everything and say the verdict; returns the exit code."""
    verdict = Verdict(print)
    checks.run_all(driver, verdict, patience)
    example = driver.topology.nodes[0].name
    print(f"\nThe lab goes on running. Look around: {driver.example(example)}")
    return verdict.finish(f"{len(driver.topology.nodes)} nodes {WHAT[driver.kind]}")


def _existing(options: argparse.Namespace) -> list[Driver]:
    """The labs that there are, by the drivers asked for."""
    found: list[Driver] = []
    if options.driver in {"auto", "netns"}:
        lab = netns.NetnsDriver(name=options.name)
        if lab.exists():
            found.append(lab)
    if options.driver == "docker" or (options.driver == "auto" and compose.engine_answers()):
        containers = compose.ComposeDriver(print)
        if containers.exists():
            found.append(containers)
    return found


def _check(options: argparse.Namespace) -> int:
    labs = _existing(options)
    if not labs:
        raise Failed("no lab is running: `bgpd lab up` or `make lab`")
    return max(judge(lab, options.patience) for lab in labs)


def _down(options: argparse.Namespace) -> int:
    labs = _existing(options)
    for lab in labs:
        lab.down()
        print(f"bgpd lab: the lab {WHAT[lab.kind]} is gone")
    if not labs:
        print("bgpd lab: there is none")
    if options.driver in {"auto", "docker"} and compose.engine_answers():
        if options.images:
            compose.ComposeDriver(print).remove_images()
        elif any(lab.kind == "docker" for lab in labs):
            print("bgpd lab: its images are kept for the next time (`bgpd lab down --images` removes them)")
    return 0


def _render(options: argparse.Namespace) -> int:
    root = Path(bgpd.__file__).resolve().parents[1]
    differ = []
    for name, text in render.files(build()).items():
        file = root / name
        if file.exists() and file.read_text() == text:
            continue
        differ.append(name)
        if not options.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    verb = "differs from the topology" if options.check else "written"
    for name in differ:
        print(f"{name}: {verb}")
    return 1 if differ and options.check else 0

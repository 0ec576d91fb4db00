"""The command line and the environment: both end as items, unjudged text with its origin.

argparse does what it is good at (splitting, `--help`, `--version`); every value is taken as text, so that the
words of an error are the same for a flag, a variable and a line of YAML.
"""

import argparse
import re
from collections.abc import Mapping, Sequence
from typing import Final, NoReturn

from bgpd import __version__, compiled
from bgpd.config.kinds import short
from bgpd.config.origin import Collected, Item, Layer, Origin, PeerItem
from bgpd.config.report import ConfigError, Report, nearest, printable
from bgpd.config.settings import BY_NAME, BY_VARIABLE, PEER_BY_NAME, RANGE_BY_NAME, SETTINGS, Setting, Shape

#: Kubernetes gives every pod variables of this form for a Service called "bgpd"; they are not ours, nor a mistake.
_SERVICE_LINK: Final = re.compile(
    r"BGPD_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)", re.ASCII
)


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is an exception and the process goes on: a reload must survive it."""

    def error(self, message: str) -> NoReturn:
        match = re.fullmatch(r"argument (?:-\w/)?(--[\w-]+): (.*)", message, re.DOTALL)
        text = f"{match[1]}: {match[2]}" if match else message
        raise ConfigError([text.replace("expected one argument", "expected a value")])


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="bgpd",
        usage="bgpd [--asn N] [--router-id A.B.C.D] [--peer ADDR[,KEY=VALUE...]]... [--announce PREFIX]... [OPTION]...",
        description="A BGP speaker for container clusters. Every option can also be an environment variable "
        "(BGPD_ROUTER_ID for --router-id) or a key of the YAML file (router-id); the option wins over the variable, "
        "the variable over the file.",
        epilog="`bgpd lab up --nodes N` starts a lab of network namespaces. Manual: docs/configuration.md",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=30, width=110),
    )
    for setting in SETTINGS:
        _add(parser, setting)
    parser.add_argument("--version", action="version", version=f"bgpd {__version__} ({compiled.words()})")
    return parser


def _add(parser: argparse.ArgumentParser, setting: Setting) -> None:
    names = [name for name in (setting.short, setting.flag) if name]
    words = f"{setting.help} (default: {setting.default_words})" if setting.shape is not Shape.SWITCH else setting.help
    words = words.replace("%", "%%")
    if setting.shape is Shape.SWITCH:  # --no-kernel=false exists, to undo a variable
        parser.add_argument(
            *names, dest=setting.name, action="append", nargs="?", const="true", metavar="true|false", help=words
        )
    else:
        parser.add_argument(*names, dest=setting.name, action="append", metavar=setting.metavar, help=words)


def read_flags(argv: Sequence[str], report: Report) -> Collected:
    """The items of the command line. Raises SystemExit(0) for --help and --version."""
    collected = Collected({}, [])
    try:
        known, unknown = _parser().parse_known_args(list(argv))
    except ConfigError as error:
        report.errors += error.lines
        return collected
    for word in unknown:
        _unknown_flag(word, report)
    for name, texts in vars(known).items():
        setting = BY_NAME[name]
        origin = Origin(Layer.FLAG, setting.flag)
        if setting.shape is Shape.PEERS:
            collected.peers += [peer for text in texts if (peer := read_peer(text, origin, report))]
        elif setting.shape is Shape.RANGES:
            collected.ranges += [peer for text in texts if (peer := read_peer(text, origin, report, name))]
        elif setting.shape is Shape.LIST:
            collected.items[name] = [Item(text, origin) for text in texts]
        else:
            if len(set(texts)) > 1:
                report.error(origin, name, f"given {len(texts)} times: {', '.join(map(short, texts))}")
            collected.items[name] = [Item(texts[-1], origin)]
    return collected


def _unknown_flag(word: str, report: Report) -> None:
    flag = word.partition("=")[0]
    if flag.startswith("-"):
        flags = [setting.flag for setting in SETTINGS] + ["--help", "--version"]
        report.errors.append(f"{flag}: unknown flag{nearest(flag, flags)}")
    else:
        report.errors.append(f"{short(word)}: expected a flag; there are no other arguments")


def read_environment(environ: Mapping[str, str], report: Report) -> Collected:
    """The items of the BGPD_ variables. An empty one counts as not set; an unknown one is worth a warning."""
    collected = Collected({}, [])
    for variable in sorted(environ):
        if not variable.startswith("BGPD_") or not environ[variable].strip():
            continue
        setting = BY_VARIABLE.get(variable)
        if setting is None:
            if not _SERVICE_LINK.fullmatch(variable):
                report.warnings.append(printable(f"{variable}: unknown variable{nearest(variable, BY_VARIABLE)}"))
            continue
        origin = Origin(Layer.ENVIRONMENT, variable)
        text = environ[variable].strip()
        if setting.shape is Shape.PEERS:
            collected.peers += [peer for word in text.split() if (peer := read_peer(word, origin, report))]
        elif setting.shape is Shape.RANGES:
            words = text.split()
            collected.ranges += [peer for word in words if (peer := read_peer(word, origin, report, setting.name))]
        elif setting.shape is Shape.LIST:
            collected.items[setting.name] = [Item(word, origin) for word in text.split()]
        else:
            collected.items[setting.name] = [Item(text, origin)]
    return collected


def read_peer(text: str, origin: Origin, report: Report, kind: str = "peer") -> PeerItem | None:
    """`ADDR[,key=value...]`, or `PREFIX[,...]` of a listen range, as items; None (and an error) where it is nothing.

    An unnumbered neighbor begins with `interface=NAME`.
    """
    settings = PEER_BY_NAME if kind == "peer" else RANGE_BY_NAME
    peer = PeerItem({}, origin, kind)
    first, *words = [word.strip() for word in text.split(",")]
    if kind == "peer" and first.startswith("interface="):
        words.insert(0, first)
    elif not first or "=" in first:
        report.error(
            origin, kind, f"expected {'ADDR' if kind == 'peer' else 'PREFIX'}[,KEY=VALUE...], got {short(text)}"
        )
        return None
    else:
        peer.fields[peer.head] = Item(first, origin)
    for word in words:
        key, equals, value = word.partition("=")
        setting = settings.get(key)
        if key == peer.head:
            report.error(origin, peer.field, f"the {key} stands first, and once")
        elif setting is None:
            keys = [name for name in settings if name != peer.head]
            report.error(origin, peer.field, f"unknown key {short(key)}{nearest(key, keys)}" if word else "empty key")
        elif key in peer.fields:
            report.error(origin, peer.field, f"{key} is given twice")
        elif equals and value:
            peer.fields[key] = Item(value, origin)
        elif setting.shape is Shape.SWITCH and not equals:
            peer.fields[key] = Item("true", origin)
        else:
            report.error(origin, peer.field, f"{key}: expected {key}={setting.metavar or 'true'}")
    if not peer.fields:
        return None  # the one word there was is an error already
    return peer

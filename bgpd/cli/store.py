"""`bgpctl apply|get|delete|status|mesh`: the cluster's resources and its state, straight from the datastore.

These ask no daemon: they speak to the store that `--datastore` (or $BGPD_DATASTORE) names. What is applied is judged
by the daemon's own decoder, and together with what is there already; with one mistake in it nothing is applied.
"""

import argparse
import asyncio
import json
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final

from bgpd.cli.yaml import as_yaml
from bgpd.cluster.decode import Decoded, decode_yaml
from bgpd.cluster.kinds import BY_CLASS, KINDS, Kind, Resource, show
from bgpd.cluster.resources import IPPool, Node
from bgpd.cluster.snapshot import settle
from bgpd.cluster.store import claim
from bgpd.cluster.store.base import Absent, Delete, Entry, Put, Range, Store, StoreError, Trouble, Unchanged
from bgpd.cluster.store.files import split
from bgpd.cluster.store.keys import (
    ALIVE,
    BLOCKS,
    CALICO,
    HOSTS,
    RESOURCES,
    STATUS,
    affinity_prefix,
    alive_key,
    kind_prefix,
    read_affinity,
    resource_key,
)
from bgpd.cluster.store.opening import open_store
from bgpd.cluster.store.picture import Picture
from bgpd.cluster.store.reading import Reader, decode
from bgpd.config.datastore import parse_datastore
from bgpd.model import DatastoreSpec

OK: Final = 0
SAYS_NO: Final = 1
USAGE: Final = 2
NOT_REACHABLE: Final = 3
_RESOURCES: Final = (Range(CALICO), Range(RESOURCES))
_ALL: Final = (*_RESOURCES, Range(HOSTS), Range(BLOCKS), Range(ALIVE), Range(STATUS))
_ENDINGS: Final = (".yaml", ".yml", ".json")


class Wrong(Exception):  # noqa: N818 - what a person gave, with why
    """What was asked for cannot be done; one reason a line."""


def main(words: Sequence[str]) -> int:
    """Run one command; the exit code: 0, 1 (refused, or not there), 2 (the words), 3 (no datastore)."""
    arguments = _parser().parse_args(words)
    try:
        spec = _spec(arguments)
        return asyncio.run(_run(arguments, spec))
    except Wrong as error:
        for line in str(error).splitlines():
            print(f"bgpctl: {line}", file=sys.stderr)
        return SAYS_NO
    except ValueError as error:
        print(f"bgpctl: {error}", file=sys.stderr)
        return USAGE
    except StoreError as error:
        print(f"bgpctl: {error}", file=sys.stderr)
        return NOT_REACHABLE if error.trouble is Trouble.UNREACHABLE else SAYS_NO


async def _run(arguments: argparse.Namespace, spec: DatastoreSpec) -> int:
    store = open_store(spec)
    try:
        return int(await _COMMANDS[arguments.command](store, arguments))
    finally:
        await store.close()


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--datastore", metavar="URL", help="etcd://HOST:PORT[,...], etcds://... or files:///DIRECTORY")
    for name, help_ in (("ca", "authority of etcd's certificate"), ("cert", "our certificate"), ("key", "its key")):
        shared.add_argument(f"--datastore-{name}", metavar="FILE", help=help_)
    shared.add_argument("--datastore-user", metavar="NAME", help="our user in etcd")
    shared.add_argument("--datastore-password-file", metavar="FILE", help="a file with the user's password")
    parser = argparse.ArgumentParser(prog="bgpctl", description="a cluster's resources, in its datastore")
    commands = parser.add_subparsers(dest="command", required=True)
    apply = commands.add_parser("apply", parents=[shared], help="write resources")
    apply.add_argument("-f", "--file", action="append", required=True, metavar="PATH", help="a file, a directory, or -")
    apply.add_argument("--dry-run", action="store_true", help="judge, and write nothing")
    get = commands.add_parser("get", parents=[shared], help="print resources")
    get.add_argument("kind", help=", ".join(sorted({kind.plural for kind in KINDS})))
    get.add_argument("name", nargs="?")
    get.add_argument("-o", "--output", choices=("table", "json", "yaml"), default="table")
    delete = commands.add_parser("delete", parents=[shared], help="remove resources")
    delete.add_argument("kind", nargs="?")
    delete.add_argument("name", nargs="?")
    delete.add_argument("-f", "--file", action="append", metavar="PATH", help="what stands in these files")
    for name, help_ in (
        ("status", "the cluster at a glance"),
        ("mesh", "who has a session with whom, and what is missing"),
    ):
        commands.add_parser(name, parents=[shared], help=help_).add_argument("--json", action="store_true")
    return parser


def _spec(arguments: argparse.Namespace) -> DatastoreSpec:
    """The store, from flags or the daemon's own variables. Raises ValueError."""

    def value(name: str) -> str:
        return getattr(arguments, name) or os.environ.get(f"BGPD_{name.upper()}", "")

    url = value("datastore")
    if not url:
        raise ValueError("which datastore? say --datastore URL, or set BGPD_DATASTORE")
    scheme, places = parse_datastore(url)
    return DatastoreSpec(
        scheme=scheme, places=places, ca=value("datastore_ca"), certificate=value("datastore_cert"),
        key=value("datastore_key"), user=value("datastore_user"), password_file=value("datastore_password_file"),
    )  # fmt: skip


# -- apply


@dataclass(frozen=True, slots=True)
class _Given:
    """One resource of a file."""

    resource: Resource
    text: str  #: the document; empty: it stood in a list

    @property
    def key(self) -> str:
        kind, meta = BY_CLASS[type(self.resource)], self.resource.meta
        return resource_key(kind.api, kind.name, meta.name, meta.namespace)

    @property
    def title(self) -> str:
        return f"{BY_CLASS[type(self.resource)].name}/{self.resource.meta.name}"


async def _apply(store: Store, arguments: argparse.Namespace) -> int:
    given = _read(arguments.file)
    before = await store.read(_RESOURCES)
    _judge(given, before.entries)
    for each in given:
        done = "valid" if arguments.dry_run else await _write(store, each)
        print(f"{each.title} {done}")
    return OK


def _read(paths: Sequence[str]) -> list[_Given]:
    """Every resource of the files. Raises Wrong with all that is wrong with them."""
    given: dict[str, _Given] = {}
    problems: list[str] = []
    for name, text in _texts(paths):
        for document in split(text, name):
            decoded: Decoded = decode_yaml(document.text, name)
            problems += [str(problem) for problem in decoded.problems]
            for resource in decoded.resources:
                each = _Given(resource, document.text.strip() if len(decoded.resources) == 1 else "")
                if each.key in given:
                    problems.append(f"{resource.meta.where}: {each.title} is given twice")
                given[each.key] = each
    if problems:
        raise Wrong("\n".join([*dict.fromkeys(problems), "nothing was applied"]))
    if not given:
        raise Wrong("there is no resource in what was given")
    return list(given.values())


def _texts(paths: Sequence[str]) -> Iterator[tuple[str, str]]:
    for word in paths:
        if word == "-":
            yield "standard input", sys.stdin.read()
            continue
        path = Path(word)
        files = sorted(p for p in path.iterdir() if p.suffix in _ENDINGS) if path.is_dir() else [path]
        for file in files:
            try:
                yield str(file), file.read_text()
            except (OSError, UnicodeDecodeError) as error:
                why = str(getattr(error, "strerror", None) or "not UTF-8 text").lower()
                raise Wrong(f"{file}: cannot read: {why}") from None


def _judge(given: Sequence[_Given], entries: Sequence[Entry]) -> None:
    """What is given, together with what is there: raises Wrong for what is wrong since now."""
    there: list[Resource] = []
    for entry in entries:
        there += decode(entry).resources
    keys = {each.key for each in given}
    kept = [each for each in there if _Given(each, "").key not in keys]
    known = {str(replace(problem, where="")) for problem in settle(there).problems}
    found = settle([*kept, *(each.resource for each in given)]).problems
    fresh = [str(problem) for problem in found if str(replace(problem, where="")) not in known]
    if fresh:
        raise Wrong("\n".join([*fresh, "nothing was applied"]))


async def _write(store: Store, given: _Given) -> str:
    """Create or replace; the verb for people."""
    files = store.name.startswith("files ")
    for _ in range(10):
        entry = await store.get(given.key)
        old = next(iter(decode(entry).resources), None) if entry is not None else None
        if old is not None and _spec_of(old) == _spec_of(given.resource):
            return "unchanged"
        value = given.text.encode() if files and given.text else _json(given.resource, old)
        condition = Absent(given.key) if entry is None else Unchanged(given.key, entry.revision)
        if await store.write([condition], [Put(given.key, value)]) is not None:
            return "created" if entry is None else "configured"
    raise StoreError(Trouble.UNREACHABLE, f"{given.key}: changes faster than we can write it")


def _spec_of(resource: Resource) -> Any:
    shown = show(resource)
    meta = {key: shown["metadata"].get(key) for key in ("labels", "annotations")}
    return shown.get("spec"), shown.get("status"), meta


def _json(resource: Resource, old: Resource | None) -> bytes:
    """As Calico's tools write it: with an identity and a time of creation, which stay."""
    shown = show(resource)
    meta = shown["metadata"]
    meta.pop("resourceVersion", None)
    if old is not None and old.meta.uid:
        meta["uid"], meta["creationTimestamp"] = old.meta.uid, old.meta.created or None
    else:
        import uuid  # noqa: PLC0415

        meta["uid"] = str(uuid.uuid4())
        meta["creationTimestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if isinstance(resource, IPPool):  # Calico's readers expect what its writers fill in
        plain = {"blockSize": resource.bits, "ipipMode": "Never", "vxlanMode": "Never", "nodeSelector": "all()"}
        shown["spec"] = plain | {"allowedUses": list(resource.allowed_uses)} | shown["spec"]
    return json.dumps(shown, separators=(",", ":")).encode()


# -- get and delete


def _kinds(word: str) -> list[Kind]:
    """The kinds that a word means. Raises ValueError."""
    lowered = word.lower()
    found = [kind for kind in KINDS if lowered in (kind.plural, kind.name.lower())]
    if not found:
        raise ValueError(f"there is no kind {word!r}; it is one of: {', '.join(sorted({k.plural for k in KINDS}))}")
    return found


async def _get(store: Store, arguments: argparse.Namespace) -> int:
    kinds = _kinds(arguments.kind)
    listing = await store.read([Range(kind_prefix(kind)) for kind in kinds])
    shown: list[tuple[Resource, dict[str, Any]]] = []
    for entry in sorted(listing.entries, key=lambda each: each.key):
        decoded = decode(entry)
        for problem in decoded.problems:
            print(f"bgpctl: {problem}", file=sys.stderr)
        shown += [(each, show(each)) for each in decoded.resources if arguments.name in (None, each.meta.name)]
    for fault in listing.faults:
        print(f"bgpctl: {fault.reason}", file=sys.stderr)
    if arguments.name is not None and not shown:
        raise Wrong(f"there is no {kinds[0].name} {arguments.name}")
    values = [value for _, value in shown]
    if arguments.output == "json":
        print(json.dumps(values[0] if arguments.name is not None else values, indent=2))
    elif arguments.output == "yaml":
        print("---\n".join(as_yaml(value) for value in values), end="")
    else:
        _table(["NAME", "SPEC"], [[r.meta.name, json.dumps(value.get("spec", {}))] for r, value in shown])
    return OK


async def _delete(store: Store, arguments: argparse.Namespace) -> int:
    if arguments.file:
        targets = [(each.key, each.title) for each in _read(arguments.file)]
    elif arguments.kind and arguments.name:
        kind = _kinds(arguments.kind)[0]
        targets = [(kind_prefix(kind) + arguments.name, f"{kind.name}/{arguments.name}")]
    else:
        raise ValueError("delete what? say KIND NAME, or -f FILE")
    code = OK
    for key, title in targets:
        entry = await store.get(key)
        if entry is None:
            print(f"{title} is not there", file=sys.stderr)
            code = SAYS_NO
            continue
        await store.write([], [Delete(key)])
        print(f"{title} deleted")
        if key.startswith(f"{CALICO}nodes/"):
            await _release(store, key.rpartition("/")[2])
    return code


async def _release(store: Store, node: str) -> None:
    """The blocks of a node that is gone go back, where nobody uses an address of them."""
    if await store.get(alive_key(node)) is not None:
        print(f"node {node} still runs: its blocks stay its own", file=sys.stderr)
        return
    for entry in (await store.read([Range(affinity_prefix(node))])).entries:
        place = read_affinity(entry.key)
        if place is not None:
            done = await claim.release(store, node, place[1])
            print(f"block {place[1]} {'released' if done else 'stays: addresses of it are in use'}")


# -- status and mesh


async def _cluster(store: Store) -> tuple[Picture, dict[str, dict[str, Any]]]:
    """Everything, and what the nodes that live say about themselves."""
    listing = await store.read(_ALL)
    picture = Picture(listing.entries, listing.revision)
    picture.faults = listing.faults
    told: dict[str, dict[str, Any]] = {}
    for entry in picture.under(STATUS):
        with suppress(ValueError):
            value = json.loads(entry.value)
            if isinstance(value, dict) and value.get("time", math.inf) + value.get("ttl", 0) >= time.time():
                told[entry.key.removeprefix(STATUS)] = value
    return picture, told


async def _status(store: Store, arguments: argparse.Namespace) -> int:
    picture, told = await _cluster(store)
    snapshot = Reader().read(picture)
    nodes = snapshot.all(Node)
    blocks = _blocks(picture)
    rows: list[dict[str, Any]] = []
    for name in sorted({*nodes, *told}):
        node, says = nodes.get(name), told.get(name)
        bgp = node.bgp if node is not None else None
        sessions = says.get("sessions", []) if says is not None else []
        rows.append(
            {
                "node": name,
                "address": ", ".join(str(each) for each in (bgp.ipv4, bgp.ipv6) if each is not None) if bgp else "",
                "asn": says.get("asn") if says else None,
                "blocks": [str(block) for block in blocks.get(name, [])],
                "established": sum(each.get("state") == "Established" for each in sessions),
                "sessions": len(sessions),
                "state": "up" if says is not None else "silent",
                "problems": says.get("problems", []) if says is not None else [],
            }
        )
    problems = [str(problem) for problem in snapshot.problems]
    if arguments.json:
        print(
            json.dumps(
                {"store": store.name, "revision": picture.revision, "nodes": rows, "problems": problems}, indent=2
            )
        )
        return OK
    print(f"{store.name}, revision {picture.revision}; {len(nodes)} nodes, {len(told)} up\n")
    lines = []
    for r in rows:
        sessions = f"{r['established']}/{r['sessions']}"
        lines.append([r["node"], r["state"], r["address"], str(r["asn"] or ""), sessions, ", ".join(r["blocks"])])
    _table(["NODE", "STATE", "ADDRESS", "AS", "SESSIONS", "BLOCKS"], lines)
    for problem in dict.fromkeys([*problems, *(f"{r['node']}: {text}" for r in rows for text in r["problems"])]):
        print(f"problem: {problem}")
    return OK


def _blocks(picture: Picture) -> dict[str, list[IPv4Network | IPv6Network]]:
    found: dict[str, list[IPv4Network | IPv6Network]] = {}
    for entry in picture.under(HOSTS):
        place = read_affinity(entry.key)
        if place is not None and claim.state_of(entry) == claim.CONFIRMED:
            found.setdefault(place[0], []).append(place[1])
    return found


async def _mesh(store: Store, arguments: argparse.Namespace) -> int:
    """Exit code 1 where a session is down or a prefix is missing."""
    picture, told = await _cluster(store)
    names = sorted({*Reader().read(picture).all(Node), *told})
    matrix, missing = matrix_of(names, told), missing_of(told)
    whole = not missing and all(cell in ("up", "", "self") for row in matrix.values() for cell in row.values())
    if arguments.json:
        print(json.dumps({"nodes": names, "sessions": matrix, "missing": missing, "complete": whole}, indent=2))
        return OK if whole else SAYS_NO
    marks = {"up": "+", "": ".", "self": "\\", "silent": "?"}
    width = max((len(name) for name in names), default=0)
    for number, name in enumerate(names, 1):
        cells = " ".join(f"{marks.get(matrix[name][other], 'x'):>{len(str(len(names)))}}" for other in names)
        print(f"{number:>3} {name:<{width}}  {cells}")
    print("\n+ established   x down   . none   ? silent   (row: who says so)")
    for name, row in matrix.items():
        for other, cell in row.items():
            if cell not in ("up", "", "self", "silent"):
                print(f"down: {name} -> {other}: {cell}")
    for name, prefixes in missing.items():
        print(f"missing at {name}: {', '.join(prefixes)}")
    print("every session is up, and every prefix is everywhere" if whole else "not complete")
    return OK if whole else SAYS_NO


def matrix_of(names: Sequence[str], told: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Node -> node -> what the first says of its session with the second: up, a state, or nothing (there is none)."""
    matrix = {}
    for name in names:
        says = told.get(name)
        row = dict.fromkeys(names, "" if says is not None else "silent")
        for each in says.get("sessions", []) if says is not None else []:
            other = each.get("node")
            if other in row and row[other] != "up":
                row[other] = "up" if each.get("state") == "Established" else str(each.get("state"))
        row[name] = "self"
        matrix[name] = row
    return matrix


def missing_of(told: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """Node -> prefixes that another node announces as its own, and this one does not have."""
    everything = {prefix for says in told.values() for prefix in says.get("announces") or ()}
    found = {}
    for name, says in sorted(told.items()):
        if says.get("has") is not None and (lost := sorted(everything - set(says["has"]))):
            found[name] = lost
    return found


def _table(head: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[n]) for row in [head, *rows]) for n in range(len(head))]
    for row in [head, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


_COMMANDS: Final = {"apply": _apply, "get": _get, "delete": _delete, "status": _status, "mesh": _mesh}

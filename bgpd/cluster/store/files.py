"""The `files` store: a directory of YAML or JSON, watched; no server needed.

    DIR/anything.yaml        resources, one or several documents a file (`---` between them); names mean nothing
    DIR/.keys/<key>.json     what is no resource: blocks, affinities, a node's status, each at its key (`/` is `%2F`)

A file is read when its writer is done: after the rename that put it there, or the close that ended the writing;
while somebody writes into it, it counts as what it was. A document that is no YAML, or does not say what it is, is
a fault that names file and line, and the entry that it was before stays as it was. Where two documents are one
resource, the first by name of file counts, and the other is a fault.

Writers take turns by a lock on `DIR/.lock`, so a transaction's conditions hold when its writes happen. An entry's
revision here is a number made of its text.
"""

import asyncio
import fcntl
import hashlib
import os
import re
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from bgpd.cluster.store.base import (
    Absent,
    Change,
    Changes,
    Condition,
    Delete,
    Entry,
    Fault,
    Listing,
    Put,
    Range,
    StoreError,
    Trouble,
    Write,
)
from bgpd.cluster.store.inotify import CLOSE_WRITE, GONE, MODIFY, OVERFLOW, Event, Inotify
from bgpd.cluster.store.keys import holds, name_of_resource, resource_key
from bgpd.config.report import ConfigError
from bgpd.config.yamltree import Mapping, Node, Scalar, read_documents

LARGEST: Final = 4 << 20  #: octets of one file
DEPTH: Final = 24  #: levels of a document: metadata.managedFields of Kubernetes nests twelve
QUIET: Final = 2.0  #: seconds after which a file that is still open for writing counts as written
SETTLE: Final = 0.005  #: seconds in which the events of one action gather
_ENDINGS: Final = (".yaml", ".yml", ".json")
_DOCUMENT: Final = re.compile(r"^---(?=[ \t]|$).*$|^\.\.\.[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Document:
    """One document of a file: where its text stands, and what it is."""

    key: str  #: empty: it could not be read
    text: str  #: with as many line ends before it as the file has, so that lines count right
    start: int  #: octets of the file's text before it
    end: int
    line: int
    reason: str = ""  #: why it could not be read


@dataclass(frozen=True, slots=True)
class _File:
    """What a file held when it was read."""

    signature: tuple[int, int, int]
    documents: tuple[_Document, ...]


_Scan = dict[Path, _File]


class FilesStore:
    """`Store` over a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory: Final = directory
        self.name: Final = f"files in {directory}"
        self._keys: Final = directory / ".keys"
        self._inotify: Inotify | None = None
        self._scanned: _Scan = {}
        self._open: dict[str, float] = {}  # files that somebody writes into -> when we saw it last
        self._serial = 0  # of `_listed`
        self._listed: dict[str, Entry] = {}
        self._faults: tuple[Fault, ...] = ()
        self._good: dict[str, Entry] = {}  # key -> what was last read without a fault

    async def close(self) -> None:
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None

    # -- reading -------------------------------------------------------------------------------------------------
    async def read(self, ranges: Sequence[Range]) -> Listing:
        self._look()
        await self._read()
        found = tuple(entry for entry in self._listed.values() if holds(tuple(ranges), entry.key))
        return Listing(self._serial, found, self._faults)

    async def get(self, key: str) -> Entry | None:
        return (await asyncio.to_thread(self._fresh)).get(key)

    async def watch(self, ranges: Sequence[Range], after: int) -> AsyncGenerator[Changes, None]:
        if self._inotify is None or after != self._serial:
            raise StoreError(Trouble.COMPACTED, f"{self.name}: read anew since")
        wanted = tuple(ranges)
        yield Changes(self._serial, ())
        while True:
            await self._event()
            before, faults = self._listed, self._faults
            await self._read()
            moved = [key for key in {**before, **self._listed} if before.get(key) != self._listed.get(key)]
            changes = tuple(
                Change(key, self._listed.get(key), self._serial) for key in sorted(moved) if holds(wanted, key)
            )
            if changes or faults != self._faults:
                yield Changes(self._serial, changes, self._faults)

    def _look(self) -> None:
        """Begin to listen for changes, before the first look at the files."""
        if self._inotify is not None:
            return
        inotify = None
        try:
            inotify = Inotify()
            inotify.add(self.directory)
        except OSError as error:
            if inotify is not None:
                inotify.close()
            raise StoreError(Trouble.UNREACHABLE, f"{self.name}: {error.strerror or error}") from None
        self._inotify = inotify

    async def _event(self) -> None:
        """Wait until something may have changed. Raises StoreError where everything has to be read again."""
        assert self._inotify is not None
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._inotify.fd, _once, ready)
        try:
            async with asyncio.timeout(QUIET if self._open else None):
                await ready
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(self._inotify.fd)
        await asyncio.sleep(SETTLE)
        self._take(self._inotify.read(), loop.time())

    def _take(self, events: list[Event], now: float) -> None:
        for event in events:
            if event.mask & (GONE | OVERFLOW):
                assert self._inotify is not None
                self._inotify.close()
                self._inotify = None
                raise StoreError(Trouble.COMPACTED, f"{self.name}: moved away, or changed faster than we can read")
            if event.mask & MODIFY:
                self._open[event.name] = now
            elif event.mask & CLOSE_WRITE or event.name in self._open:
                self._open.pop(event.name, None)
        for name in [name for name, at in self._open.items() if now - at >= QUIET]:
            del self._open[name]

    async def _read(self) -> None:
        """Look at the directory; what is listed is what it holds now."""
        if self._inotify is not None:
            with suppress(OSError):  # made by the first write; a second watch of a directory is the first
                self._inotify.add(self._keys)
        self._scanned = await asyncio.to_thread(self._scan, self._scanned, frozenset(self._open))
        entries, faults = _judge(self._scanned, self._good)
        entries |= await asyncio.to_thread(self._raw)
        self._good = entries
        if entries != self._listed or faults != self._faults or not self._serial:
            self._listed, self._faults = entries, faults
            self._serial += 1

    def _scan(self, before: _Scan, still_open: frozenset[str]) -> _Scan:
        """Every file; one that has not changed, or is being written, as it was. Raises StoreError."""
        found: _Scan = {}
        try:
            paths = sorted(self.directory.iterdir())
        except OSError as error:
            raise StoreError(Trouble.UNREACHABLE, f"{self.name}: {(error.strerror or str(error)).lower()}") from None
        for path in paths:
            name = path.name
            if name.startswith(".") or not name.endswith(_ENDINGS):
                continue
            if name in still_open:
                if path in before:
                    found[path] = before[path]
                continue
            with suppress(FileNotFoundError):  # gone since
                found[path] = _read_file(path, before.get(path))
        return found

    def _raw(self) -> dict[str, Entry]:
        """What is no resource."""
        found = {}
        with suppress(FileNotFoundError):
            for path in sorted(self._keys.iterdir()):
                if path.suffix == ".json" and not path.name.startswith("."):
                    with suppress(OSError):
                        value = path.read_bytes()
                        key = unquote(path.name.removesuffix(".json"))
                        found[key] = Entry(key, value, _revision(value), str(path))
        return found

    def _fresh(self) -> dict[str, Entry]:
        """Everything as it is on disk now, whatever is being followed."""
        return _judge(self._scan({}, frozenset()), {})[0] | self._raw()

    # -- writing -------------------------------------------------------------------------------------------------
    async def write(self, conditions: Iterable[Condition], writes: Iterable[Write]) -> int | None:
        return await asyncio.to_thread(self._write, list(conditions), list(writes))

    def _write(self, conditions: list[Condition], writes: list[Write]) -> int | None:
        try:
            with self._locked():
                now = self._fresh()
                if not all(_met(condition, now) for condition in conditions):
                    return None
                for write in writes:
                    self._put(write) if isinstance(write, Put) else self._delete(write)
        except OSError as error:
            raise StoreError(Trouble.REFUSED, f"{self.name}: {(error.strerror or str(error)).lower()}") from None
        return self._serial + 1

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._keys.mkdir(exist_ok=True)
        with (self.directory / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _put(self, write: Put) -> None:
        named = name_of_resource(write.key)
        if named is None:
            _replace(self._keys / f"{quote(write.key, safe='')}.json", write.value)
            return
        text = write.value.decode().strip("\n") + "\n"
        for path, file in self._scan({}, frozenset()).items():
            for document in file.documents:
                if document.key == write.key:
                    _splice(path, document, text, alone=len(file.documents) == 1)
                    return
        ending = "json" if text.startswith("{") else "yaml"
        _replace(self.directory / f"{'-'.join(named).replace('/', '-')}.{ending}", text.encode())

    def _delete(self, write: Delete) -> None:
        if name_of_resource(write.key) is None:
            with suppress(FileNotFoundError):
                (self._keys / f"{quote(write.key, safe='')}.json").unlink()
            return
        for path, file in self._scan({}, frozenset()).items():
            for document in file.documents:
                if document.key == write.key and len(file.documents) == 1:
                    path.unlink()
                    return
                if document.key == write.key:
                    _splice(path, document, "", alone=False)
                    return


def _once(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


def _met(condition: Condition, now: dict[str, Entry]) -> bool:
    entry = now.get(condition.key)
    if isinstance(condition, Absent):
        return entry is None
    return entry is not None and entry.revision == condition.revision


def _judge(scan: _Scan, good: dict[str, Entry]) -> tuple[dict[str, Entry], tuple[Fault, ...]]:
    """The entries of all files, and what is wrong with some. `good`: the last state without a fault."""
    entries: dict[str, Entry] = {}
    faults: list[Fault] = []
    broken: dict[str, list[_Document]] = {}
    for path, file in scan.items():
        for document in file.documents:
            place = f"{path}:{document.line}"
            if document.reason:
                broken.setdefault(str(path), []).append(document)
            elif document.key in entries:
                reason = f"{place}: the same resource as in {entries[document.key].place}, which counts"
                faults.append(Fault(place, reason))
            else:
                value = document.text.encode()
                entries[document.key] = Entry(document.key, value, _revision(value.strip()), place)
    for name, documents in broken.items():
        # What the file held before, and holds no more as far as we can see, may be what is broken now.
        kept = tuple(key for key, entry in good.items() if _file_of(entry) == name and key not in entries)
        entries |= {key: good[key] for key in kept}
        faults += [Fault(f"{name}:{document.line}", document.reason, kept) for document in documents]
    return entries, tuple(faults)


def _file_of(entry: Entry) -> str:
    return entry.place.rpartition(":")[0]


def _read_file(path: Path, before: _File | None) -> _File:
    """The documents of a file. Raises FileNotFoundError."""
    try:
        found = path.stat()
        signature = (found.st_ino, found.st_mtime_ns, found.st_size)
        if before is not None and before.signature == signature:
            return before
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        text = data.decode("utf-8") if len(data) <= LARGEST else ""
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        why = "not UTF-8 text"
        if not isinstance(error, UnicodeDecodeError):
            why = str(getattr(error, "strerror", None) or error).lower()
        reason = f"{path}:1: cannot read: {why}"
        return _File((0, 0, 0), (_Document("", "", 0, 0, 1, reason),))
    if len(data) > LARGEST:
        return _File(signature, (_Document("", "", 0, 0, 1, f"{path}:1: larger than {LARGEST >> 20} MiB"),))
    return _File(signature, tuple(split(text, str(path))))


def split(text: str, name: str) -> Iterator[_Document]:
    """The documents of a text, empty ones left out."""
    marks = [*_DOCUMENT.finditer(text)]
    starts = [0, *(mark.end() for mark in marks)]
    ends = [*(mark.start() for mark in marks), len(text)]
    for start, end in zip(starts, ends, strict=True):
        lines = text.count("\n", 0, start)
        part = "\n" * lines + text[start:end]
        try:
            trees = read_documents(part, name, DEPTH)
        except ConfigError as error:
            yield _Document("", part, start, end, lines + 1, error.lines[0])
            continue
        tree = trees[0] if trees else None
        if tree is None or (isinstance(tree, Scalar) and tree.noun == "nothing"):
            continue
        try:
            yield _Document(key_of(tree), part, start, end, tree.line)
        except ValueError as error:
            yield _Document("", part, start, end, tree.line, f"{name}:{tree.line}: {error}")


def key_of(tree: Node) -> str:
    """The key of the resource that a document is. Raises ValueError with what is missing."""
    words = _strings(tree)
    meta = _child(tree, "metadata")
    names = _strings(meta) if meta is not None else {}
    name = names.get("name", "")
    for field, value in (("apiVersion", words.get("apiVersion")), ("kind", words.get("kind")), ("metadata.name", name)):
        if not value:
            raise ValueError(f"{field} is missing: a resource has apiVersion, kind and metadata.name")
    if "/" in name + names.get("namespace", ""):
        raise ValueError("metadata.name: a name has no '/'")
    return resource_key(words["apiVersion"], words["kind"], name, names.get("namespace", ""))


def _strings(tree: Node | None) -> dict[str, str]:
    pairs = tree.pairs if isinstance(tree, Mapping) else []
    return {key.text: value.text for key, value in pairs if isinstance(key, Scalar) and isinstance(value, Scalar)}


def _child(tree: Node, name: str) -> Node | None:
    pairs = tree.pairs if isinstance(tree, Mapping) else []
    return next((value for key, value in pairs if isinstance(key, Scalar) and key.text == name), None)


def _revision(value: bytes) -> int:
    return int.from_bytes(hashlib.sha256(value).digest()[:6], "big") or 1


def _splice(path: Path, document: _Document, text: str, *, alone: bool) -> None:
    """Put a text in the place of a document of a file."""
    if alone:
        _replace(path, text.encode())
        return
    whole = path.read_bytes().decode()
    _replace(path, f"{whole[: document.start]}\n{text}{whole[document.end :]}".lstrip("\n").encode())


def _replace(path: Path, data: bytes) -> None:
    """Write a file beside itself and rename it: it is the old one or the new one, whole."""
    fresh = path.with_name(f".{path.name[:200]}.{os.getpid()}")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)

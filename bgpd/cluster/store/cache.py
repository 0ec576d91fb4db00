"""The last picture on disk, for a node that starts while its datastore is away.

Written beside itself and renamed, so that it is whole or the old one; readable by its owner only, since passwords
may stand in it. A cache of another datastore, or one that is damaged, is no cache.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from bgpd.cluster.store.base import Entry
from bgpd.cluster.store.picture import Picture

_VERSION: Final = 1


def save(path: Path, store: str, picture: Picture) -> None:
    """Write the picture of the datastore with this name. Blocks. Raises OSError."""
    rows = [[e.key, e.value.decode("utf-8", "surrogateescape"), e.revision, e.place] for e in picture.under("/")]
    text = json.dumps({"version": _VERSION, "store": store, "revision": picture.revision, "entries": rows})
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise


def load(path: Path, store: str) -> tuple[Picture | None, str]:
    """The picture that was saved of this datastore, or None and why there is none."""
    try:
        document = json.loads(path.read_text())
        if document["version"] != _VERSION:
            return None, f"{path}: written by another version"
        if document["store"] != store:
            return None, f"{path}: of another datastore ({document['store']})"
        entries = [
            Entry(str(key), text.encode("utf-8", "surrogateescape"), int(revision), str(place))
            for key, text, revision, place in document["entries"]
        ]
        return Picture(entries, int(document["revision"])), ""
    except FileNotFoundError:
        return None, f"{path}: there is none yet"
    except OSError as error:
        return None, f"{path}: {(error.strerror or str(error)).lower()}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, f"{path}: damaged"

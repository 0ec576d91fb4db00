"""Passwords by name and key: from a directory (DIR/NAME/KEY), or from the store. A missing one is an error.

Calico's resources name a Kubernetes Secret. Here the same name and key mean a file, as Kubernetes mounts secrets,
or the store's `/bgpd/v1/secrets/NAME/KEY`. What is not there closes the door: the peering that wants it has no
session, rather than one without a password.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bgpd.cluster.store.base import Entry
from bgpd.cluster.store.keys import secret_key

LONGEST: Final = 80  #: octets of a TCP MD5 password: TCP_MD5SIG_MAXKEYLEN, linux/tcp.h


def find(name: str, key: str, directory: Path | None, entries: Mapping[str, Entry]) -> bytes:
    """The password. The directory, where there is one, is the only place. Raises ValueError with a sentence."""
    if name in ("", ".", "..") or key in ("", ".", "..") or "/" in name + key or "\0" in name + key:
        raise ValueError(f"{name!r}, key {key!r}: no name of a secret")
    if directory is not None:
        place = f"{directory / name / key}"
        try:
            data = (directory / name / key).read_bytes()
        except OSError as error:
            raise ValueError(f"{place}: cannot read: {(error.strerror or str(error)).lower()}") from None
    else:
        place = secret_key(name, key)
        entry = entries.get(place)
        if entry is None:
            raise ValueError(f"{place}: is not in the datastore")
        data = entry.value
    secret = data.removesuffix(b"\n").removesuffix(b"\r")
    if not secret or len(secret) > LONGEST or b"\n" in secret:
        raise ValueError(f"{place}: a password is one line of 1 to {LONGEST} octets")
    return secret

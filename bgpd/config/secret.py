"""A neighbor's TCP MD5 password (RFC 2385) or TCP-AO keys (RFC 5925), read from their file; never logged or shown."""

import stat
from pathlib import Path
from typing import Final

from bgpd.model import AoKey

_LONGEST: Final = 80  # octets: TCP_MD5SIG_MAXKEYLEN, linux/tcp.h
#: What a TCP-AO key may be used with (RFC 5926).
AO_ALGORITHMS: Final = ("hmac-sha-1-96", "aes-128-cmac-96")


def read_secret(path: str) -> tuple[bytes, str]:
    """The password and a warning (empty: none). Raises ValueError with the rest of a sentence about the file."""
    secret, doubt = _read(path)
    secret = secret.removesuffix(b"\n").removesuffix(b"\r")
    if not secret:
        raise ValueError(f"{path} is empty: a password has 1 to {_LONGEST} octets")
    if b"\n" in secret:
        raise ValueError(f"{path} has several lines: the password is one line")
    if len(secret) > _LONGEST:
        raise ValueError(f"{path}: the password is longer than {_LONGEST} octets, the most that the kernel takes")
    return secret, doubt


def read_ao_keys(path: str) -> tuple[tuple[AoKey, ...], str]:
    """TCP-AO keys, one a line: SEND-ID RECEIVE-ID ALGORITHM KEY; `#` begins a comment. The first one is sent with.

    And a warning (empty: none). Raises ValueError with the rest of a sentence about the file.
    """
    data, doubt = _read(path)
    keys: list[AoKey] = []
    for number, line in enumerate(data.splitlines(), 1):
        words = line.split(None, 3)
        if not words or words[0].startswith(b"#"):
            continue
        where = f"{path}:{number}"
        if len(words) != 4:
            raise ValueError(f"{where}: expected SEND-ID RECEIVE-ID ALGORITHM KEY, got {len(words)} words")
        ids = [int(word) if word.isdigit() and len(word) <= 3 else 256 for word in words[:2]]
        if max(ids) > 255:
            raise ValueError(f"{where}: a key id is a number from 0 to 255")
        algorithm = words[2].decode("ascii", "replace")
        if algorithm not in AO_ALGORITHMS:
            raise ValueError(f"{where}: expected {' or '.join(AO_ALGORITHMS)}, got {algorithm!r}")
        secret = words[3].rstrip()
        if len(secret) > _LONGEST:
            raise ValueError(f"{where}: the key is longer than {_LONGEST} octets, the most that the kernel takes")
        if [key for key in keys if ids[0] == key.send_id or ids[1] == key.receive_id]:
            raise ValueError(f"{where}: each id may be there once")
        keys.append(AoKey(send_id=ids[0], receive_id=ids[1], algorithm=algorithm, secret=secret))
    if not keys:
        raise ValueError(f"{path} has no key: a line is SEND-ID RECEIVE-ID ALGORITHM KEY")
    return tuple(keys), doubt


def _read(path: str) -> tuple[bytes, str]:
    """The file, and a warning where others can read it."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(4096)
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"cannot read {path}: {why.lower()}") from None
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        who = "everybody" if mode & stat.S_IROTH else "its group"
        return data, f"{path} can be read by {who} (mode {stat.S_IMODE(mode):04o}); 0400 keeps it private"
    return data, ""

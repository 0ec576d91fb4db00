"""TCP bytes -> whole messages.

The stream may be cut anywhere; the frames and the error, if there is one, are the same for every cut. A header is
checked as soon as it is complete, a wrong marker even earlier: a peer that speaks something else than BGP is told at
once and nothing is waited for.
"""

from typing import Final

from bgpd.wire.capability import MAX_MESSAGE
from bgpd.wire.errors import WireError

MARKER: Final = b"\xff" * 16  #: RFC 4271 section 4.1
_HEADER: Final = 19
_HEADER_ERROR: Final = 1
_NOT_SYNCHRONIZED: Final = 1
_BAD_LENGTH: Final = 2
_BAD_TYPE: Final = 3

#: Shortest message of each type (RFC 4271 section 4, RFC 2918 section 3); index 0 is no type.
_SHORTEST: Final = (0, 29, 23, 21, 19, 23)
_OPEN: Final = 1
_KEEPALIVE: Final = 4


class Framer:
    """Cuts one connection's stream into messages."""

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self.max_message = max_message  #: octets; may be raised once the session is up (RFC 8654)
        self._data = b""
        self._pos = 0

    @property
    def pending(self) -> int:
        """Octets fed and not yet handed out."""
        return len(self._data) - self._pos

    def feed(self, data: bytes) -> None:
        """Add octets from the stream."""
        self._data = self._data[self._pos :] + data if self._pos < len(self._data) else data
        self._pos = 0

    def next_frame(self) -> bytes | None:
        """The next whole message, header included; None: more octets are needed.

        Raises WireError(1, 1 to 3) where the stream is no BGP any more, and again on each further call.
        """
        data, pos = self._data, self._pos
        left = len(data) - pos
        if left < _HEADER:
            if left > 0 and data[pos : pos + 16] != MARKER[:left]:
                raise WireError(_HEADER_ERROR, _NOT_SYNCHRONIZED, b"", "the marker is not all ones")
            return None
        length = data[pos + 16] << 8 | data[pos + 17]
        kind = data[pos + 18]
        if data[pos : pos + 16] != MARKER or length > self.max_message or length < 23 or kind != 2:
            self._check(data[pos : pos + _HEADER], length, kind)
        if left < length:
            return None
        self._pos = pos + length
        return data[pos : pos + length]

    def _check(self, header: bytes, length: int, kind: int) -> None:
        """Everything about a header that is no plain UPDATE's, in the order of RFC 4271 section 6.1."""
        if header[:16] != MARKER:
            raise WireError(_HEADER_ERROR, _NOT_SYNCHRONIZED, b"", "the marker is not all ones")
        known = 0 < kind < len(_SHORTEST)
        # RFC 8654 section 4: OPEN and KEEPALIVE never grow
        longest = MAX_MESSAGE if kind in (_OPEN, _KEEPALIVE) else self.max_message
        shortest = _SHORTEST[kind] if known else _HEADER
        if length < shortest or length > longest or (kind == _KEEPALIVE and length != _HEADER):
            text = f"length {length} for message type {kind}"
            raise WireError(_HEADER_ERROR, _BAD_LENGTH, header[16:18], text)
        if not known:
            raise WireError(_HEADER_ERROR, _BAD_TYPE, header[18:19], f"message type {kind}")

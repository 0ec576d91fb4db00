"""What can be wrong with bytes, and how much it matters.

A `Fault` is something wrong in an UPDATE that the session survives (RFC 7606): it is logged, counted and shown. A
`WireError` is what the session does not survive, and it carries the NOTIFICATION that says so.
"""

from enum import IntEnum

from bgpd.wire.iana import describe


class Severity(IntEnum):
    """What is done about a fault (RFC 7606 section 2), mildest first."""

    DISCARD = 0  #: the attribute is dropped, the routes stay ("attribute discard")
    WITHDRAW = 1  #: the routes are treated as withdrawn ("treat-as-withdraw")
    RESET = 2  #: the session ends with a NOTIFICATION ("session reset")


class Fault:
    """One survivable error in an UPDATE."""

    def __init__(self, severity: Severity, code: int, subcode: int, text: str, data: bytes = b"") -> None:
        self.severity = severity
        self.code = code  #: attribute code; 0 where the error belongs to no single attribute
        self.subcode = subcode  #: UPDATE Message Error subcode that describes it
        self.text = text  #: in words, begins with the attribute's name
        self.data = data  #: the offending attribute as received: flags, code, length, value

    def __repr__(self) -> str:
        return f"Fault({self.severity.name}, {self.text!r}, {self.data.hex()!r})"


class WireError(Exception):
    """The bytes end the session; this is the NOTIFICATION to send."""

    def __init__(self, code: int, subcode: int, data: bytes = b"", text: str = "") -> None:
        super().__init__(code, subcode, data, text)
        self.code = code
        self.subcode = subcode
        self.data = data  #: NOTIFICATION Data field, as RFC 4271 section 6 asks for this error
        self.text = text  #: what exactly was wrong, in words; may be empty

    def __str__(self) -> str:
        words = describe(self.code, self.subcode)
        return f"{words} ({self.text})" if self.text else words

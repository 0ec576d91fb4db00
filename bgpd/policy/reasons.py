"""Why a route was let through or not, in words: what `bgpctl` prints and tests quote."""

from enum import Enum
from typing import Final, TypeAlias


class Refusal:
    """The verdict of a policy that somebody wrote: words of its own."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value: Final = value  #: a sentence fragment, as `Reason.value`

    def __repr__(self) -> str:
        return f"Refusal({self.value})"


class Reason(Enum):
    """The verdict of a chain, as a sentence fragment."""

    ACCEPTED = "accepted"

    # import
    NO_IMPORT_POLICY = "no import policy on an eBGP neighbor (RFC 8212); import=all lets its routes in"
    IMPORT_NONE = "import=none"
    AS_LOOP = "our own AS is in its AS path"  # RFC 4271 section 9.1.2
    FIRST_AS = "its AS path does not begin with the neighbor's AS"  # RFC 4271 section 6.3
    ORIGINATOR_LOOP = "its originator id is our own router id"  # RFC 4456 section 8
    CLUSTER_LOOP = "it has been reflected through our cluster already"  # RFC 4456 section 8
    LEAK_FROM_BELOW = "a route leak: only for customers (OTC), and a customer sent it"  # RFC 9234 section 5
    LEAK_FROM_PEER = "a route leak: only for customers (OTC) of another AS than the peer's"  # RFC 9234 section 5
    NEXT_HOP_OURS = "its next hop is an address of this speaker"  # RFC 4271 section 5.1.3

    # export
    NO_EXPORT_POLICY = "no export policy on an eBGP neighbor (RFC 8212); export=all or export=own lets routes out"
    EXPORT_NONE = "export=none"
    RESTARTING = "this speaker restarts, and has not heard everybody yet"  # RFC 4724 section 4.1
    NOT_OWN = "export=own, and the route is not originated here"
    NO_ADVERTISE = "community NO_ADVERTISE"  # RFC 1997
    NO_EXPORT = "community NO_EXPORT, and the neighbor is external"
    NO_EXPORT_SUBCONFED = "community NO_EXPORT_SUBCONFED, and the neighbor is external"
    IBGP_TO_IBGP = "learned from an internal neighbor, and this one is internal, too"  # RFC 4271 section 9.2
    LEAK_OUT = "only for customers (OTC), and the neighbor is none"  # RFC 9234 section 5
    LLGR_STALE = "kept past a long restart, and the neighbor does not know what that means (RFC 9494)"
    NO_NEXT_HOP = "this session has no local address of the family to give as next hop"
    GIVEN_BY_IT = "the neighbor gave this route itself"  #: for views: update groups see to it, not a chain


#: What a chain says: the protocol's own words, or those of a policy.
Why: TypeAlias = Reason | Refusal

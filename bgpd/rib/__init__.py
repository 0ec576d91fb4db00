"""The tables: who gave which path, which one is best, and what each neighbor has been told.

What it owns. `path` says what a candidate is: a source and its attrs, with everything that the decision
process reads computed once. `nexthop` holds reachability and cost, one shared object per address.
`decision` is RFC 4271 section 9.1.2.2 as numbered steps. `loc_rib` is the one table of a family: prefix to
candidates, best first. `fanout` is the same path by path, for ADD-PATH; `gate` what
of it the FIB has, for those who wait for that. `group` is the adj-rib-out, shared by all
neighbors that get the same bytes: `member` says who they are, `export` what paths become on their way out, `pack`
turns one slice into UPDATEs, and `lag` is the list of a member that does not follow, filled bit by bit. `intern`
sweeps what nobody refers to any more.

How a route passes through. The speaker makes one `Path` per source and attribute set and calls
`LocRib.apply` once per UPDATE. What comes back is a list of `Change`: the prefixes that moved from one entry
to another in the same way. Each change goes once to every subscriber: the kernel (which next hops) and every
update group (`on_changes`), which remembers the old best path of each prefix and, when it is flushed, compares
what that path exports to with what the present one does. So the adj-rib-out takes no memory of its own: it
is the loc-rib seen through the group's export, but for what is still pending. In the same way a neighbor's
adj-rib-in is the loc-rib filtered by source: rejected paths stay in it as candidates that are not eligible.

What it refuses. It knows no policy (a group is handed an export function), no sockets and no clock. It holds
no object per prefix: a prefix is a key, and costs its bytes and one slot. Walks over a whole table are
generators that work in slices; between two slices anything may change.
"""

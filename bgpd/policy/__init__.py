"""Policy: what may come in, what may go out, and in which form.

What it owns. `reasons` is every answer to "why is this route not there?", in words. `chain` is how a route
is judged: an ordered tuple of terms over one route at hand, ending in a `Verdict`. `builtin` has the terms that
the protocol itself demands: loops, the first AS, well-known communities, iBGP to iBGP, and the changes that
attributes undergo on their way to an eBGP (`outside`) or iBGP peer. `compile` makes a neighbor's two chains of its
spec; `rewrite` is what its settings do to AS paths.

How a route passes through. On the way in, the speaker asks the neighbor's import chain once per attribute set; the
verdict's attrs become those of the `rib.Path`, or its reason does. On the way out, an update group asks its
export chain once per path.

What it refuses. A chain reads nothing that can change behind its back: no table, no session, no clock. The
same route gets the same verdict, which is what lets the rib remember it and the adj-rib-out be a view.
"""

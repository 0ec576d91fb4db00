"""Real daemons against ours, and each table compared route by route.

A test puts three nodes on one LAN of network namespaces: `ours`, one daemon of Debian 12, and an injector, which is a
small BGP speaker of the tests' own (`raw.py`; it shares no line with bgpd.wire, so a mistake in our codec cannot
cancel out). `routes.py` makes the routes, each with a different mixture of attributes; `drivers/` start the daemons
and read their tables in one normal form; the tests say what each table must hold and compare all of it.
"""

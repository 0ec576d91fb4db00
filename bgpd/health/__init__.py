"""Health: whether this node has somebody to answer for a service address.

What it owns. `probe` asks once: a TCP connection, an HTTP request or a command, within a time limit. `service` asks
again and again, one task a service address, and knows which are healthy: after so many successes in a row (`rise`),
until so many failures in a row (`fall`).

What it refuses. It decides nothing: what a node announces is the cluster's decision, which reads the set of the
healthy. A check that hangs costs its own time limit, and nobody else's.
"""

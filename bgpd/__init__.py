"""bgpd: a BGP speaker daemon for container clusters.

The map, in the order a route walks through the house; each package's docstring is its chapter.

    daemon    composition root: flags -> specs -> wiring, signals, graceful stop
              membership: the daemon as a node of a cluster, datastore -> plan -> spec
    config    flags, environment and YAML become the frozen specs of `model`
    model     the specs that configuration produces and the core consumes
    net       TCP listener, dialer, transports, socket options, the clock          (shell)
    wire      bytes in, values out; values in, bytes out
    session   the FSM of RFC 4271 section 8 as a table, and one connection's life
    speaker   the owner of all routing state: inbox, neighbors, reconciliation, views
    policy    what may come in and what may go out
    rib       paths, the decision process, the loc-rib, update groups (adj-rib-out)
    kernel    loc-rib -> FIB by netlink: plan (pure), encode, links, service       (shell)
    cluster   what a node of a cluster does, from the resources that all nodes share;
              cluster.store: where these are, etcd or files, followed and written    (shell)
    control   the Unix socket that `bgpctl` talks to                               (shell)
    http      /metrics, /healthz, /readyz                                          (shell)
    cli       bgpctl: arguments -> one request -> tables or JSON
    lab       the cluster lab: one topology, two drivers (namespaces, containers), one verdict
"""

__version__ = "0.1.0"

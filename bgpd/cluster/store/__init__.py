"""Where a cluster's resources live: one protocol, two stores, and a picture of them in memory.

    base      the Store protocol, entries, changes, conditions, and what can go wrong (StoreError)
    keys      the layout of the keys: Calico's own for what Calico knows, `/bgpd/v1/...` for the rest
    picture   Snapshot: every entry at one revision; what the pure decision reads
    gateway   etcd's JSON gateway over aiohttp: endpoints, TLS, tokens, time limits, streams            (shell)
    etcd      EtcdStore: list at one revision, watch from the next, transactions, leases                (shell)
    files     FilesStore: a directory of YAML, the same keys; changes by inotify                        (shell)
    inotify   the kernel's own word that a directory changed                                            (shell)
    follow    Follower: list, watch, list again where it must; the picture survives every loss          (shell)
    cache     the last picture on disk: a node starts while etcd is down                                (shell)
    opening   the store that a setting names                                                           (shell)
    reading   from a picture to a judged snapshot of resources
    claim     one block, one owner: affinity pending, block, affinity confirmed
    address   which of this machine's addresses is the node's, by Calico's methods
    member    a node among nodes: registers itself, takes blocks, publishes its status                  (shell)
    secrets   passwords by name and key: a directory, or the store; a missing one is an error           (shell)

A store knows keys and JSON objects, not what they mean; that is the resource model's business, one room below.
"""

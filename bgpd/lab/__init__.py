"""The cluster lab: one topology, two drivers, one set of checks, one verdict.

    debian     programs from Debian packages, unpacked into a cache, nothing installed
    topology   the lab as values: nodes, pods, data-centre routers, Prometheus, and what each must end up knowing
    render     every configuration file of the lab, as text made from the topology (docker/ and docker-compose.yml too)
    shell      commands, streams of lines and deadlines
    driver     what a driver can do: run a program on a host of the lab, stop and start a node, watch a wire
    netns      the lab in network namespaces (root, any number of nodes)
    compose    the lab in containers (`docker compose` v2 or `docker-compose` v1)
    routes     a host's kernel routes: read, expected, and watched with the kernel's own time stamps
    checks     what is looked at, the same for both drivers
    verdict    counts the checks and ends in one line
    main       `bgpd lab up | check | down | render`

A lab is a stranger's first hour with bgpd, so everything here prints what it sees and not only what it concludes.
It refuses to touch what it did not make: namespaces, directories, containers and processes carry the lab's own name,
and a process is ended by its id together with its start time, never by its name.
"""

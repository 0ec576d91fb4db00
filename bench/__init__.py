"""How fast, how large: the real daemon beside other people's, on the same work, in the same run (root, Linux).

    c/            the load: feeders and receivers in one C program; and what the kernel alone takes
    compiler      compiles them at their first use
    space         network namespaces, and the end of everything in them
    daemons       how each daemon is configured and started
    load          how the load is spoken to
    scenarios     the work as a table; one run of one daemon
    mesh, idle    many nodes, mesh or reflectors, and the loss of one; one node with nothing to do
    limit         the kernel's own speed
    instructions  counted by valgrind
    usage, prometheus   CPU, memory, wake-ups; our own metrics
    stats, model  medians, ratios, lines; cost as formulas
    aims          what was aimed at, and whether it was met
    table, plot, report  as text, Markdown, SVG, JSON

`make bench` runs all (`QUICK=1` small, `BENCH=A,C` and `DAEMONS=compiled,bird2` some of it, `PUBLISH=1` writes the
documents). Every daemon gets the same bytes from the same load on the same machine; a daemon's figures are wall
seconds from the first byte sent until the last receiver has everything, and CPU of all its processes and threads. A
receiver checks each route: who sent it, which announcement, with the attributes of its own set. Nothing here asserts: a
figure is compared with its aim, and the reader judges.
"""

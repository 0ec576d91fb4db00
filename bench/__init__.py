"""How fast, how large: measurements of the real daemon in network namespaces (root).

    feeder    a BGP neighbor for one session, which announces as many routes as it is told
    single    one daemon: exec to first OPEN, memory idle and with routes
    cluster   labs of three and of twenty nodes: time until every kernel is complete, CPU and memory a node
    table     results, aims, and how they are printed and kept

`python -m bench [NAME...]` runs all or those named and writes bench/out/NAME.json. Times come from the kernels' own
events, memory and CPU from /proc. Nothing here asserts: a figure is compared with its aim, and the reader judges.
"""

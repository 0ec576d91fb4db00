"""bgpctl: words on a command line become one request; its answer becomes a table or JSON.

    grammar    the words: abbreviations, suggestions, help; words -> request
    client     the Unix socket from the client's side
    render     views -> aligned text, with colour on a terminal
    main       options, exit codes

It is a program of its own that shares nothing with the daemon but the lines of `control.protocol`, and imports
little, because a person waits for it. Here a route is the JSON object of a `RouteView`. What is refused: words
that mean two things, and words that mean nothing, each with the nearest ones that do.
"""

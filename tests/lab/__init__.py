"""The whole lab, by both drivers, judged by its own verdict."""

"""Removing what is over for so long that nobody wants it any more, a few rows at a time.

A part is found by a reader, which costs the writer nothing, and removed by the writer, which looks again: what was
found may have changed. Each part finds its own by a key that is in order of time, so nothing has an index for this.
"""

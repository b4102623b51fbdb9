"""The independent verifier: reads a finished release and looks for what identifies people in the source.

Takes a tree and the strings to look for; gives findings that name file, kind and count, never a value. Shares no code
and no list with `deidentify` and `release`, so that one wrong list cannot hide its own fault.
"""

"""The header engine: a new, small header is built from what the policy lists; nothing else leaves.

Takes source datasets and the identity an image gets; gives de-identified datasets, Part 10 files and metadata rows.
Pixels are left to `deidentify.pixels`, pseudonyms and date shifts to `vault`, what may leave to `policy`.
"""

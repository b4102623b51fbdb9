"""The entries of the corpus, one module a family; each gives its `THREATS`."""

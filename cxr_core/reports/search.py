"""Where known strings stand in a text: at each place the longest, no overlaps, from left to right.

Takes the strings once, gives a function from a text to (which, start, end). The compiled search is the Rust
Aho-Corasick automaton; without its wheel a tree of dicts finds the same, some fifteen times slower.
"""

from collections.abc import Callable, Sequence

Found = list[tuple[int, int, int]]
Search = Callable[[str], Found]

_Tree = dict[str, "_Tree | int"]
_END = ""


def compile_search(patterns: Sequence[str]) -> Search:
    """A search for all patterns at once, leftmost-longest; offsets are half-open, in characters."""
    try:
        return compiled_search(patterns)
    except ImportError:
        return plain_search(patterns)


def compiled_search(patterns: Sequence[str]) -> Search:
    """The search of `ahocorasick_rs`; raises ImportError where it is not installed."""
    from ahocorasick_rs import AhoCorasick, MatchKind

    search: Search = AhoCorasick(patterns, matchkind=MatchKind.LeftmostLongest).find_matches_as_indexes
    return search


def plain_search(patterns: Sequence[str]) -> Search:
    """The same search in Python alone."""
    tree: _Tree = {}
    for which, pattern in enumerate(patterns):
        node = tree
        for letter in pattern:
            node = node.setdefault(letter, {})  # type: ignore[assignment]  # numbers stand under _END only
        node.setdefault(_END, which)

    def search(text: str) -> Found:
        found: Found = []
        position = 0
        while position < len(text):
            longest = _longest(tree, text, position)
            if longest is not None:
                found.append(longest)
            position = position + 1 if longest is None else longest[2]
        return found

    return search


def _longest(tree: _Tree, text: str, start: int) -> tuple[int, int, int] | None:
    node, best = tree, None
    for position in range(start, len(text)):
        following = node.get(text[position])
        if not isinstance(following, dict):
            break
        node = following
        which = node.get(_END)
        if isinstance(which, int):
            best = (which, start, position + 1)
    return best

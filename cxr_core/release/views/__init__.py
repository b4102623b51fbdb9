"""Other layouts of a finished release: the same files by hard link under the names that other loaders expect."""

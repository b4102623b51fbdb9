"""Flows that compose tasks, and the command line. Nothing here decides anything about medicine or privacy."""

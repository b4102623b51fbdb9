"""What is still to do: fingerprints of what goes in and of how it is done, and the anti-join against the ledgers."""

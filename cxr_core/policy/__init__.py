"""What may leave, as reviewed data: TOML files beside typed loaders.

Each module reads one file and gives frozen objects; nothing here decides about a single image or report.
Applying the policy is left to `deidentify`, checking it to `verification`, printing it to the documentation.
"""

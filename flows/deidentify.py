"""`python -m flows.deidentify`: the stage alone, on a workspace that a build has filled."""

import sys

if __name__ == "__main__":
    sys.argv[1:1] = ["--only", "deidentify"]
    from flows.build.__main__ import main
    from flows.cli import run

    sys.exit(run(main))

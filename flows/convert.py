"""`python -m flows.convert`: the stage alone, on a workspace that a build has filled (`cxr build --only convert`)."""

import sys

if __name__ == "__main__":
    sys.argv[1:1] = ["--only", "convert"]
    from flows.build.__main__ import main
    from flows.cli import run

    sys.exit(run(main))

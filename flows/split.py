"""`python -m flows.split`: the stage alone, on a workspace that a build has filled (`cxr build --only split`)."""

import sys

if __name__ == "__main__":
    sys.argv[1:1] = ["--only", "split"]
    from flows.build.__main__ import main
    from flows.cli import run

    sys.exit(run(main))

"""Whether twice the workers do twice the studies, and whether a study costs the same in a small and a large hospital.

Studies burn a few milliseconds and go through a build's waves, shards, workers and commits (`synthetic_stage`). The
cost of a study is CPU time, which does not care who else works on the machine; studies/s are by the clock, which does.

python benchmarks/scaling.py                              (100 ... 10,000 studies of 5 ms; workers 1, 2)
python benchmarks/scaling.py --studies 100 1000 --ms 10
"""

import argparse
import os
import sys

from synthetic_stage import in_a_process

from cxr_core.settings.run import Granularity

_WITHIN = 0.05


def main() -> int:
    """Print two tables; exit code 1 where a study costs over 5 % more than in the smallest hospital.

    It may cost less: what a build costs once is shared by more of them.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, nargs="+", default=[100, 300, 1000, 3000, 10_000])
    parser.add_argument("--ms", type=float, default=5.0)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    asked = parser.parse_args()
    print(f"{'studies':>8} {'workers':>8} {'CPU ms a study':>15} {'against first':>14} {'studies/s':>10}", flush=True)
    first = worst = best = 0.0
    for studies in asked.studies:
        cost = in_a_process(studies, cpu_ms=asked.ms, workers=max(asked.workers), granularity=Granularity.SHARD)
        each_ms = cost.cpu_s / studies * 1000
        first = first or each_ms
        worst, best = max(worst, each_ms / first - 1), min(best, each_ms / first - 1)
        rate = studies / cost.wall_s
        print(
            f"{studies:>8} {max(asked.workers):>8} {each_ms:>15.3f} {each_ms / first:>14.3f} {rate:>10.1f}", flush=True
        )
    busy = os.getloadavg()[0]
    for workers in asked.workers:
        studies = asked.studies[len(asked.studies) // 2]
        cost = in_a_process(studies, cpu_ms=asked.ms, workers=workers, granularity=Granularity.SHARD)
        told = f"{cost.cpu_s / studies * 1000:>15.3f} {'':>14} {studies / cost.wall_s:>10.1f}"
        print(f"{studies:>8} {workers:>8} {told}", flush=True)
    print(f"against the first: {best:+.1%} to {worst:+.1%} (bar: +{_WITHIN:.0%}); load while workers ran: {busy:.1f}")
    return 1 if worst > _WITHIN else 0


if __name__ == "__main__":
    sys.exit(main())

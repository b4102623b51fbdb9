"""What Prefect, ledgers and commits cost on top of the work: CPU time against a bare pool of processes.

The same studies, which burn CPU time and nothing else, go through `ProcessPoolExecutor`, through shards and through one
task run a study; then a whole hospital's number of studies, to see how much memory this process grows by.

python benchmarks/orchestration.py                        (2,000 studies of 50 ms; memory over 227,943)
python benchmarks/orchestration.py --studies 300 --memory 0
"""

import argparse
import multiprocessing as mp
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from synthetic_stage import Cost, burn, in_a_process

from cxr_core.settings.run import Granularity

_BARS = {Granularity.SHARD: 1.05, Granularity.STUDY: 1.20}


def bare(studies: int, cpu_ms: float, workers: int) -> float:
    """CPU seconds of the plainest pool over the same work; start-up left out."""
    with ProcessPoolExecutor(workers, mp_context=mp.get_context("spawn")) as pool:
        list(pool.map(burn, [0.0] * workers * 4))
        own = time.process_time()
        list(pool.map(partial(burn), [cpu_ms] * studies))
        own = time.process_time() - own
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own + children.ru_utime + children.ru_stime - _start_up(workers)


def _start_up(workers: int) -> float:
    """What so many processes cost that do nothing; the children before are in the count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with ProcessPoolExecutor(workers, mp_context=mp.get_context("spawn")) as pool:
        list(pool.map(burn, [0.0] * workers * 4))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print one table; exit code 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--ms", type=float, default=50.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", type=int, default=227_943, help="studies for the peak of memory; 0: none")
    asked = parser.parse_args()
    plain_s = bare(asked.studies, asked.ms, asked.workers)
    print(f"{asked.studies} studies of {asked.ms:g} ms on {asked.workers} workers", flush=True)
    print(f"{'':<24} {'CPU s':>8} {'ms a study':>11} {'ratio':>6}  bar", flush=True)
    print(f"{'ProcessPoolExecutor':<24} {plain_s:>8.2f} {plain_s / asked.studies * 1000:>11.2f} {1:>6.3f}", flush=True)
    missed = 0
    for granularity, bar in _BARS.items():
        cost = in_a_process(asked.studies, cpu_ms=asked.ms, workers=asked.workers, granularity=granularity)
        missed += cost.cpu_s / plain_s > bar
        _print(f"hilum, one task a {granularity.value}", cost, plain_s, bar)
    if asked.memory:
        cost = in_a_process(asked.memory, cpu_ms=0.0, workers=asked.workers, granularity=Granularity.SHARD)
        print(f"{asked.memory:,} empty studies in shards: this process grew by {cost.grown_mb:.0f} MB", flush=True)
        print(f"{cost.cpu_s / asked.memory * 1000:.2f} ms CPU a study, {cost.client_s:.0f} s of it here")
    return 1 if missed else 0


def _print(name: str, cost: Cost, plain_s: float, bar: float) -> None:
    each_ms = cost.cpu_s / cost.studies * 1000
    print(f"{name:<24} {cost.cpu_s:>8.2f} {each_ms:>11.2f} {cost.cpu_s / plain_s:>6.3f}  {bar:.2f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

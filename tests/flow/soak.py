"""A long simulation: `python tests/flow/soak.py [SEEDS [FIRST [KIND]]]`, 20,000 seeds by default; prints what fails.

Each seed is one import under faults, killed and resumed, judged by what the sandbox holds in the end: of one load, see
`flow_simulation`, or as KIND `family` of several that depend on each other, see `flow_families`, or `files` of files,
see `flow_files`.
"""

import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent))

from flow_families import FamilySimulation  # found beside this script
from flow_files import FilesSimulation
from flow_simulation import Simulation, scenario

KINDS = {
    "single": lambda folder, seed: Simulation(folder, scenario(seed)),
    "family": FamilySimulation,
    "files": FilesSimulation,
}


def main(seeds: int = 20_000, first: int = 0, kind: str = "single") -> int:
    began, failed, runs = time.monotonic(), list[int](), Counter[str]()
    for seed in range(first, first + seeds):
        try:
            with TemporaryDirectory() as top:
                (folder := Path(top) / "world").mkdir()
                world = KINDS[kind](folder, seed)
                report = world.play()
                world.judge(report)
                runs.update(rows=report.summary.rows, kills=len(world.plan.kills), runs=len(world.reports))
        except Exception:  # noqa: BLE001  # whatever it is, the seed is what is wanted
            failed.append(seed)
            print(f"seed {seed}", *traceback.format_exc().splitlines()[-6:], sep="\n  ", flush=True)
        if (seed - first) % 500 == 499:
            print(f"{seed - first + 1} seeds, {len(failed)} failed", flush=True)
    facts = ", ".join(f"{count:,} {name}" for name, count in runs.items())
    print(f"{seeds:,} seeds in {time.monotonic() - began:.0f} s: {facts}; failed: {failed or 'none'}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3]), *sys.argv[3:]))

"""`make reproduce`: every run made again in a fresh store, and each compared number beside its record.

What it finds also goes to report/reproductions, a file for each part and device, which the report shows.
"""

import sys

from study import commands, repeats, sweep

KEPT = "reproduced"
"""Where below build/ the runs of a reproduction lie, by the digest of the code that made them."""


@commands.entry
def main(arguments: list[str] | None = None) -> int:
    parser = commands.parser("reproduce", __doc__)
    parser.add_argument("--workers", type=int, default=sweep.WORKERS, help="runs at a time")
    given = parser.parse_args(arguments)
    chosen, wanted = commands.chosen(given)
    # Read before the trainings: a record that is missing is reported now, not hours later.
    recorded = repeats.recorded(wanted, chosen)
    settings = {"profile": [chosen.name, chosen.data]}
    found = repeats.repeat(given.part or "all", recorded, KEPT, given.workers, settings)
    print(f"{repeats.comparison(found)}\n{found.write(chosen.reproductions)}, which `make report` shows")
    return 1 if found.differing else 0


if __name__ == "__main__":
    sys.exit(main())

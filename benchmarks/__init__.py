"""How fast the pages answer, at every size and on every engine: `python -m benchmarks --help`."""

"""What ``nox -s bench`` measures: work on stages, taking turns, and ratios of it.

The table of what is compared is `bench.rows`: a new comparison is one entry there.
"""

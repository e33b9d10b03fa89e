"""Benchmarks, run by hand: ``python -m bench``. Figures are ratios against something run beside them."""

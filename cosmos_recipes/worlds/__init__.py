"""Procedural data sets with ground truth: deterministic from a seed, written as real videos and a Parquet table."""

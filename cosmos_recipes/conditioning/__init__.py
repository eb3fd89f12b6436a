"""Conditioning heads: what controls a prediction, one module each, found through entry points."""

"""Estimators: what is measured of a video's content. They know of arrays only, need no weights, and run on one core."""

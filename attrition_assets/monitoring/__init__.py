"""Judges one month against the champion's baseline: drift, performance, and whether to retrain."""

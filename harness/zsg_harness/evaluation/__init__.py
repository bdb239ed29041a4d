"""Scoring a model while it trains: losses, generations, metrics, and at which steps."""

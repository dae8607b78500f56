"""Batch evaluation: data sets, metrics, runs, comparisons, gates, reports."""

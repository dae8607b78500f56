"""Batch evaluation: data sets, metrics, runs, comparisons, gates, reports.

From Python: `service.evaluation.wiring.evaluate(Plan(Path("set.jsonl")), Settings.load())`, then `compare`, `gate`.
"""

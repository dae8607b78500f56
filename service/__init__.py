"""From a question to a grounded answer, and the ways in: HTTP, command line, widget, evaluation."""

__version__ = "0.1.0"

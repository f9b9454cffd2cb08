"""An evaluation harness for Claude models: suites in, cost and quality compared out."""

__version__ = "0.1.0"

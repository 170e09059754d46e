"""An audit as one HTML file, in the terminal, and as JSON."""

from holistic.report.page import rendered, write_report
from holistic.report.terminal import as_json, summary

__all__ = ["as_json", "rendered", "summary", "write_report"]

"""An audit as one HTML file, in the terminal, and as JSON."""

from holistic.report.page import rendered, write_report
from holistic.report.terminal import as_json, everything, summary

__all__ = ["as_json", "everything", "rendered", "summary", "write_report"]

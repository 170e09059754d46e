"""What columns say that several lenses have alike."""

from __future__ import annotations

__all__ = ["KIND"]

KIND = (
    "why the image is told of: typical (right, with its class's median margin), close (right, "
    "with the smallest margin) or mistaken (with the most negative margin)"
)
"""What a column says that holds the kinds of the cases."""

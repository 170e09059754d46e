"""Writes the pages of the site that follow from code, and the figures that pages quote."""

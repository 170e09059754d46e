"""Compares audits: what replicates."""

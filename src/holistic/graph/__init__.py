"""The engine: runs a model as it is, or with values inside it changed."""

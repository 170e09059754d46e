"""The live page's server, on this machine alone."""

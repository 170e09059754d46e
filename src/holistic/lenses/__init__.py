"""Which questions can be asked of a subject: one file or folder a lens, found by its name."""

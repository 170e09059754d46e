"""What was found, on disk and in memory. Nothing here needs torch."""

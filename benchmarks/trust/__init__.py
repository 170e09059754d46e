"""Do attribution maps point at the truth, and does the audit know? Data with known answers."""

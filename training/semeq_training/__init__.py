"""Training: from tables of people's EQ settings to a model bundle. Needs the [train] extra; nothing here is imported at run time."""

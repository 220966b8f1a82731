"""The shelf of formats and presets: which there are, where they go, many at once."""

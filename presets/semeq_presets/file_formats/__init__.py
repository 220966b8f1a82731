"""Preset formats: one module each, and the pieces that several of them share."""

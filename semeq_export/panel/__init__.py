"""Listening tests: who hears what in which order, the sounds, pages and other tools' input, answers and their statistics."""

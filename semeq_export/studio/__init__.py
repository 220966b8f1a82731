"""The studio: a page in which words are heard, as one file, or from a server of this machine that adds what the application layer does."""

"""What a user can ask for, as functions: the layer that the command line, Python, a page and agents call."""

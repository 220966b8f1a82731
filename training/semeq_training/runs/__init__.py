"""A training run from recipe to folder, and from folder to bundle."""

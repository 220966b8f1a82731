"""Training steps: losses driven down over examples, words placed, and what came of it measured."""

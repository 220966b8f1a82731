"""Tables of people's settings, and what is drawn from them: examples, words, audio."""

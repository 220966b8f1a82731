"""What a sound is like: its long-term spectrum, what it is compared with, and the dose of a word that it needs."""

"""Many files at once: what each is to become, who works on it, what came of it."""

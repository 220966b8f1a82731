"""Words as data: terms, targets made of them, the evidence behind each, and ways from one to another."""

"""Words that nobody taught: a guess for each, from people's words of similar meaning and engineers' published charts."""

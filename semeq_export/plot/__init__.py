"""Pictures: response curves, analyses, word maps. The only room that imports matplotlib."""

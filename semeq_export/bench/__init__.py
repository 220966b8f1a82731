"""How fast a bundle runs here: in Python, and natively in C++."""

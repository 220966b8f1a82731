"""The semantic EQ in Pedalboard chains, live and from files."""

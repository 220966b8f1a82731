"""Files in and out: names that are checked, bytes at an offset, outputs that are whole or not there, JSON and TOML read strictly."""

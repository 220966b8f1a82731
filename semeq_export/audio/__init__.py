"""Sound files: read and written block by block, with what they hold besides samples; true peak and loudness."""

"""Sound block by block: filters that follow a moving target, files processed through them."""

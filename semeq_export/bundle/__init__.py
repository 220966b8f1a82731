"""Model bundles: what training writes and everything else reads. The format is described in SPEC.md beside this file."""

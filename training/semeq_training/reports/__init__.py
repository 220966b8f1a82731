"""What a model is worth over several runs: seeds, left-out folds, ablations, the report page."""

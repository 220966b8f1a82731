PYTHON ?= python

.PHONY: presets check

presets: ## release archive: the 20 best-supported words in every format, in dist/
	$(PYTHON) presets/tools/release.py --force

check: ## what a submission must pass
	.ci/run

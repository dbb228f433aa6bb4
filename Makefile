# The front door. Every target only calls a script of the same name; without make, call the script.
# `make test TIERS=light` runs the tests that need no LibTorch.
TIERS ?= all

.PHONY: setup build demo test format lint bench bench-engine bench-token
setup build demo format lint bench bench-engine bench-token:
	@scripts/$@
test:
	@scripts/test $(TIERS)

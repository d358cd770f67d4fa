# What is longer than one go command. Everything else is `go build ./cmd/gpusim` and `go test ./...`.
GO ?= go
# Debian's own python3: another one that comes first on PATH need not have pandas.
PYTHON ?= /usr/bin/python3

.PHONY: test kills bin notebooks sweeps

test:
	$(GO) test ./...

# Workers, coordinators and NATS servers as real processes, ended with kill -9.
kills:
	GPUSIM_TEST_KILLS=all $(GO) test ./sweep -run Killed -v -count 1

bin:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/gpusim ./cmd/gpusim

# Needs: apt-get install python3-pandas python3-matplotlib jupyter-nbconvert python3-ipykernel
notebooks:
	cd results/notebooks && for n in *.ipynb; do \
		$(PYTHON) -m nbconvert --to notebook --execute --inplace $$n || exit 1; done

# The recorded sweeps, again.
sweeps: bin
	for s in $(SWEEPS); do rm -rf results/sweeps/$$s && bin/gpusim sweep $$s --out results/sweeps/$$s && rm -f results/sweeps/$$s/points.sqlite || exit 1; done

SWEEPS = volta-tensor-hbm volta-latency volta-l2 volta-cuda-cores a100-nvlink volta-resnet

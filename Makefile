# SPDX-License-Identifier: Apache-2.0
# demo and test are all a newcomer needs; each installs what is missing, and both share one build.

.PHONY: help demo test bench fuzz sim torture torture-etcd soak tsan examples scaffold docs lint format clean

help:
	@echo 'make demo      a server, two services and a client at work, for about 20 seconds'
	@echo 'make test      all tests, against the real peers too'
	@echo 'make bench     the benchmarks, beside the systems Martlet is measured by'
	@echo 'make fuzz      the fuzzers; ARGUMENTS=… goes to them'
	@echo 'make sim       a member in simulated time on a disk that fails: many seeds, for SIM_SECONDS (60)'
	@echo 'make torture   real members, killed, stopped and cut off from each other, for SECONDS (60); MEMBERS=5'
	@echo 'make torture ARGUMENTS="outbox --kills 1000"  changes and their messages: both or neither, whoever is killed'
	@echo 'make torture ARGUMENTS="exactly-once --messages 1000000 --workers 4"  workers and the leader killed throughout'
	@echo 'make torture-etcd  the same checks on two etcds: one that passes, one whose known bug must be caught'
	@echo 'make soak      the tests again and again with new seeds, for SOAK_SECONDS (3600)'
	@echo 'make tsan      the tests of wire and framework under the thread sanitizer'
	@echo 'make examples  build Examples/ from outside, and run them on three engines: the same output'
	@echo 'make scaffold  make a project with martlet new, build it from outside, run it and call it'
	@echo 'make docs      the documentation of the public products, into .build/docs'
	@echo 'make lint      check the format; make format repairs it'
	@echo 'make clean     remove what was built'
	@echo
	@echo 'make sim SEED=n                    repeats the run of one seed; ARGUMENTS=--story tells it'
	@echo 'MARTLET_SEED=n make test           repeats the randomised tests of a run that printed seed n'
	@echo 'MARTLET_SKIP_PEERS=1 make test     without other systems, where they cannot be installed'

demo:
	@scripts/demo

test:
	@scripts/test

bench:
	@scripts/setup test
	@Benchmarks/run

fuzz:
	@scripts/setup demo
	@scripts/build
	@.build/release/MartletWireFuzz $(ARGUMENTS)

sim:
	@scripts/setup demo
	@scripts/build
	@.build/release/MartletSimulate $(if $(SEED),--seed $(SEED),--seconds $(or $(SIM_SECONDS),60)) $(ARGUMENTS)

torture:
	@scripts/torture $(if $(filter outbox exactly-once,$(ARGUMENTS)),$(ARGUMENTS) $(if $(SEED),--seed $(SEED)),\
		$(if $(SEED),--seed $(SEED)) --seconds $(or $(SECONDS),60) --members $(or $(MEMBERS),3) $(ARGUMENTS))

torture-etcd:
	@scripts/torture-etcd

soak:
	@scripts/soak

tsan:
	@scripts/tsan

examples:
	@scripts/setup demo
	scripts/swift build --package-path Examples --scratch-path .build/examples
	@scripts/examples-engines

scaffold:
	@scripts/setup demo
	@scripts/scaffold

docs:
	@scripts/docs

lint:
	@scripts/lint

format:
	@scripts/lint --fix

clean:
	rm -rf .build

# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
#
#   make demo         install what is missing, build, simulate, print a table, leave a figure
#   make test         install what is missing, build, run every test
#   make              build the simulator
#   make figures      the ten published tables and figures anew (half an hour on two cores)
#   make bench-sim    what the simulator costs, beside stock ns-3
#   make contrib      build the ns-3 module within an ns-3 source tree and run its tests there
#   make deps         only install what is missing
#   make clean        remove everything that was built

BUILD := build
BUILD_PACKAGES := gcc g++ binutils libns3-dev
DEMO_PACKAGES := $(BUILD_PACKAGES) gnuplot-nox python3
TEST_PACKAGES := $(DEMO_PACKAGES) clang libclang-rt-14-dev libcmocka-dev
JOBS := $(shell nproc)

all: build

build:
	@$(MAKE) --no-print-directory -s -j$(JOBS) -C ns3-model

deps:
	@util/install-packages $(TEST_PACKAGES)

deps-demo:
	@util/install-packages $(DEMO_PACKAGES)

demo: deps-demo
	@echo "Building the simulator ..."
	@$(MAKE) --no-print-directory -s -j$(JOBS) -C ns3-model $(abspath $(BUILD))/homa-sim
	@experiments/demo

test: deps
	@$(MAKE) --no-print-directory -C test all

figures: deps-demo
	@$(MAKE) --no-print-directory -s -j$(JOBS) -C ns3-model $(abspath $(BUILD))/homa-sim
	@experiments/sigcomm18

bench-sim: deps-demo
	@$(MAKE) --no-print-directory -s -j$(JOBS) -C ns3-model $(abspath $(BUILD))/homa-sim bench
	@experiments/bench-sim

CONTRIB_PACKAGES := $(BUILD_PACKAGES) cmake ninja-build dpkg-dev
contrib:
	@util/install-packages $(CONTRIB_PACKAGES)
	@ns3-model/contrib-check

clean:
	rm -rf $(BUILD)

.PHONY: all build deps deps-demo demo test figures bench-sim contrib clean

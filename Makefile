# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
#
#   make demo         install what is missing, build, simulate, print a table, leave a figure
#   make test         install what is missing, build, run every test
#   make all          build homa.ko for the running kernel (KDIR=... for another one), and the tools
#   make util         build only the tools: build/homa-sockets
#   make test-kmod KERNEL=6.1|6.12|7.2|7.3|all|debug
#                     homa.ko's tests in that kernel, under software emulation (test/vm/README.md)
#   make build-all-kernels
#                     compile homa.ko for every kernel, from 6.1, that Debian has
#   make lint         hold the sources to their styles, look for mistakes without running them
#   make bench-kmod   what the module costs beside TCP, in instructions, and where they go
#   make sim          build the simulator
#   make figures      the ten published tables and figures anew (a quarter of an hour on two cores)
#   make bench-sim    what the simulator costs, beside stock ns-3
#   make contrib      build the ns-3 module within an ns-3 source tree and run its tests there
#   make deps         only install what is missing
#   make clean        remove everything that was built

BUILD := build
BUILD_PACKAGES := gcc g++ binutils libns3-dev
DEMO_PACKAGES := $(BUILD_PACKAGES) gnuplot-nox python3
TEST_PACKAGES := $(DEMO_PACKAGES) clang libclang-rt-14-dev libcmocka-dev tcpdump
JOBS := $(shell nproc)

all: util
	@$(MAKE) --no-print-directory -C kmod KO=$(CURDIR)/homa.ko

util:
	@$(MAKE) --no-print-directory -s -C util

sim:
	@$(MAKE) --no-print-directory -s -j$(JOBS) -C ns3-model

deps:
	@util/install-packages $(TEST_PACKAGES)

deps-demo:
	@util/install-packages $(DEMO_PACKAGES)

demo: deps-demo
	@echo "Building the simulator ..."
	@$(MAKE) --no-print-directory -s -j$(JOBS) -C ns3-model $(abspath $(BUILD))/homa-sim
	@experiments/demo

test: deps-vm deps-lint
	@$(MAKE) --no-print-directory -C test all

# debootstrap only for kernels whose compiler Debian 12 does not have; the second list only for
# KERNEL=debug.
VM_PACKAGES := gcc-12 libc6-dev libelf1 libssl3 qemu-system-x86 busybox-static cpio kmod \
	iproute2 ethtool lz4 zstd xz-utils debootstrap
VM_DEBUG_PACKAGES := flex bison bc libelf-dev
KERNEL ?= 6.1
deps-vm: deps
	@util/install-packages $(VM_PACKAGES) $(if $(filter debug,$(KERNEL)),$(VM_DEBUG_PACKAGES))

test-kmod: deps-vm
	@$(MAKE) --no-print-directory -C test kmod KERNEL="$(KERNEL)"

build-all-kernels: deps-vm
	@test/tally --timeout 3600 --no-skips "test/vm/build --every"

bench-kmod: deps-vm
	@kmod/bench/run $(KERNEL)
	@kmod/bench/run $(KERNEL) --profile

LINT_PACKAGES := sparse perl clang-format black shellcheck xz-utils
deps-lint:
	@util/install-packages $(LINT_PACKAGES)

lint: deps-vm deps-lint
	@test/lint/run

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
	rm -rf $(BUILD) homa.ko

.PHONY: all util sim deps deps-demo deps-vm deps-lint demo lint test test-kmod build-all-kernels \
	bench-kmod figures bench-sim contrib clean

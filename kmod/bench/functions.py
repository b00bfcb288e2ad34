# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
"""Which functions of the kernel the instructions of an RPC go to, for Homa and for TCP; part of
kmod/bench/run.

The emulator counts each instruction (counts.c) while a guest echoes messages (profile.sh), few and
then many: the difference is what a message takes, without the start and the end of programs. What
the compiler put into its caller counts as the caller's.
"""

import bisect
import collections
import gzip
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "build/kmod/profile"
TOP = 40
USER = "(programs)"

# Which area a function belongs to: the first whose pattern its name matches, modules before.
MODULES = {"veth": "devices: veth, bridge", "bridge": "devices: veth, bridge"}
MODULES |= {name: "devices: veth, bridge" for name in ("llc", "stp", "8021q")}
AREAS = [
    ("TCP", r"_*(tcp|inet_csk|bictcp|cubictcp|inet6?_(csk|ehash|hash|lookup|twsk)|secure_tcp)"),
    ("polling: epoll", r"_*(x64_sys_)?(ep|epoll|do_epoll|eventpoll|sock_poll|poll_)"),
    ("IP and routes", r"_*(ip|ip6|ipv4|ipv6|inet|inet6|fib|fib4|fib6|neigh|dst|rt|rt6|icmp|nf)_"),
    (
        "IP and routes",
        r"_*(ipv6|inet|ip)\w*_rcv|_*(raw_(v4|v6|local)|raw6|udp|arp|eth_type_trans|eth_header)",
    ),
    ("network core", r"_*(skb|sk|sock|net|netif|napi|dev|qdisc|gro|kfree_skb|alloc_skb)"),
    ("network core", r"_*(build_skb|consume_skb|validate_xmit|enqueue_to_backlog|process_backlog)"),
    (
        "network core",
        r"_*(pskb|is_skb|sch_direct|pfifo|noqueue|br_|neigh|csum|bpf|dql|rps|xps|eth_)",
    ),
    (
        "network core",
        r"_*(lock_sock|release_sock|datagram|scm|move_addr|copy_msghdr|___sys|page_pool)",
    ),
    ("system calls", r"_*(entry_SYSCALL|do_syscall|x64_sys|x64_do|sys_|syscall|fget|fput|fdget)"),
    (
        "system calls",
        r"_*(exit_to_user|import_|security_|apparmor|aa_|sockfd|vfs_|ksys_|rw_verify)",
    ),
    ("system calls", r"_*(new_sync|fsnotify|file_|get_user|put_user|check_stack|audit|lsm_)"),
    ("copying", r"_*(copy|rep_movs|rep_stos|clear_user|memcpy|memset|memmove|iov_iter|check_copy)"),
    (
        "system calls",
        r"_*(tomoyo|rseq|fpregs|restore_fpregs|xfd_|amd_clear|iovec_from|blkcg_maybe)",
    ),
    (
        "copying",
        r"_*(memcmp|csum_partial|simple_copy|skb_copy|virt_addr_valid|check_object|check_heap)",
    ),
    ("scheduler", r"_*(schedule|sched|try_to_wake|ttwu|wake_up|default_wake|autoremove|enqueue_)"),
    (
        "scheduler",
        r"_*(dequeue_|pick_next|put_prev|set_next|select_|update_|reweight|check_preempt)",
    ),
    ("scheduler", r"_*(resched|switch|finish_task|prepare_task|psi_|cpuacct|newidle|load_balance)"),
    ("scheduler", r"_*(native_load_tls|load_new_mm|native_write_msr|native_read_msr|perf_event)"),
    ("scheduler", r"_*(idle|do_idle|cpuidle|cpu_startup|default_idle|pv_native|place_entity)"),
    (
        "scheduler",
        r"_*(add_wait|remove_wait|prepare_to_wait|finish_wait|init_wait|woken|wait_woken)",
    ),
    (
        "scheduler",
        r"_*(calc_delta|cgroup_rstat|mm_|enter_lazy|asm_load_gs|native_load_gs|save_fpregs)",
    ),
    (
        "scheduler",
        r"_*(raw_spin_rq|clear_buddies|check_spread|record_times|task_|nr_|rb_|blk_|mark_wake|avg_vruntime|entity|pick_|entry_)",
    ),
    ("clock and timers", r"_*(ktime|hrtimer|timer|timekeeping|clock|tick|read_tsc|native_sched)"),
    ("clock and timers", r"_*(mod_timer|del_timer|pvclock|kvm_clock|lapic|rdtsc|delay|jiffies)"),
    ("clock and timers", r"_*(internal_add|enqueue_timer|dequeue_timer|calc_wheel|get_nohz|nohz)"),
    ("memory", r"_*(kmem|slab|kmalloc|kfree|kvfree|kvmalloc|free_|alloc_|get_page|page_|put_page)"),
    ("memory", r"_*(mem_cgroup|memcg|obj_cgroup|mod_|refill_|try_charge|cache_|rmqueue|get_obj)"),
    (
        "memory",
        r"_*(clear_page|set_pageblock|get_pfnblock|ksize|dma_|unfreeze|drain_obj|uncharge|folio)",
    ),
    ("interrupts", r"_*(irq|softirq|do_softirq|handle_|asm_|sysvec|common_interrupt|apic|ack_)"),
    ("interrupts", r"_*(native_apic|note_interrupt|local_bh|raise_softirq|error_|paranoid|x2apic)"),
    ("locks and RCU", r"_*(raw_spin|raw_read|raw_write|mutex|rcu|call_rcu|queued|native_queued)"),
    ("locks and RCU", r"_*(down_|up_|rwsem|preempt|refcount|might|cond_resched|srcu|percpu)"),
]
AREAS = [(area, re.compile(pattern)) for area, pattern in AREAS]
THUNKS = re.compile(r"__x86_(indirect|return)|srso_|retbleed|entry_ibpb|zen_|__fentry")


class Symbols:
    """Functions of a guest's kernel by address."""

    def __init__(self, path, core):
        table = set()
        with gzip.open(path, "rt") as file:
            for line in file:
                words = line.split()
                module = words[3].strip("[]") if len(words) > 3 else ""
                table.add((int(words[0], 16), words[2], module))
        # Of several names for an address any will do, as long as it is always the same.
        self.table = sorted(table)
        self.starts = [address for address, _, _ in self.table]
        self.core = core

    def at(self, address):
        """Index in table of the function that holds an address."""
        index = bisect.bisect_right(self.starts, address) - 1
        return bisect.bisect_left(self.starts, self.starts[index]) if index >= 0 else -1

    def area(self, name, module):
        if name == USER:
            return "programs"
        if module == "homa":
            base = name.split(".", 1)[0]
            # Static functions of the same name on both sides count as the core's.
            return "Homa: protocol core" if base in self.core else "Homa: sockets, packets, locks"
        if module:
            return MODULES.get(module, f"module {module}")
        if THUNKS.match(name):
            return "indirect calls"
        for area, pattern in AREAS:
            if pattern.match(name):
                return area
        return "other"


def core_functions(kernel):
    """Names of the functions in shared/, if the module was built here."""
    objects = sorted((ROOT / "build/vm/module" / kernel / "shared").glob("*.o"))
    if not objects:
        return set()
    output = subprocess.run(["nm", *map(str, objects)], capture_output=True, text=True, check=True)
    found = re.findall(r"^[0-9a-f]+ [tT] (\S+)$", output.stdout, re.MULTILINE)
    return {name.split(".", 1)[0] for name in found}


def read_windows(path):
    """What counts.c wrote: a dictionary {address: count} for each window."""
    windows = []
    for line in path.read_text(encoding="ascii").splitlines():
        word, count = line.split()
        if word == "window":
            windows.append({})
        else:
            windows[-1][int(word, 16)] = int(count)
    return windows


def per_message(few, many, messages, symbols):
    """{(function, module): [instructions, calls]} of one message."""
    costs = collections.defaultdict(lambda: [0.0, 0.0])
    for address in few.keys() | many.keys():
        count = (many.get(address, 0) - few.get(address, 0)) / messages
        if not address:
            costs[USER, ""][0] += count
            continue
        index = symbols.at(address)
        if index < 0:
            continue
        start, name, module = symbols.table[index]
        costs[name, module][0] += count
        if start == address:
            costs[name, module][1] += count
    return costs


def measure(kernel, module, size):
    """Runs the guest. Returns (symbols, {transport: per_message()})."""
    OUT.mkdir(parents=True, exist_ok=True)
    plugin, counts = OUT / "counts.so", OUT / "counts"
    source = ROOT / "kmod/bench/counts.c"
    flags = ["-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-fvisibility=hidden"]
    subprocess.run(["gcc", *flags, "-o", str(plugin), str(source)], check=True)
    counts.unlink(missing_ok=True)
    few = 50 if size < 100000 else 5
    many = few + (1000 if size < 1000 else 200 if size < 100000 else 20)
    script = f"sh profile.sh {size} {few} {many}"
    command = [str(ROOT / "test/vm/run"), "--tests", str(ROOT / "kmod/bench"), kernel]
    command += ["--icount", "--timeout", "300", "--command", script]
    command += ["--qemu", f"-plugin {plugin},out={counts}"]
    if module:
        command += ["--module", module]
    print(f"Booting Linux {kernel}; this takes a minute or two ...", file=sys.stderr)
    guest = subprocess.run(command, capture_output=True, text=True, check=False)
    if guest.returncode or not counts.exists():
        sys.stderr.write(guest.stdout + guest.stderr)
        sys.exit("bench-kmod: the guest failed; see above")
    symbols = Symbols(
        ROOT / "build/vm/results" / kernel / "command/kallsyms.gz",
        core_functions(kernel) if not module else set(),
    )
    windows = read_windows(counts)
    if len(windows) != 4:
        sys.exit(f"bench-kmod: the guest marked {len(windows)} windows instead of 4")
    counts.unlink()
    tcp = per_message(windows[0], windows[1], many - few, symbols)
    homa = per_message(windows[2], windows[3], many - few, symbols)
    return symbols, {"TCP": tcp, "Homa": homa}


def label(name, module):
    return f"{name} [{module}]" if module else name


def show(size, symbols, costs):
    totals = {who: sum(cost for cost, _ in table.values()) for who, table in costs.items()}
    areas = {who: collections.Counter() for who in costs}
    for who, table in costs.items():
        for (name, module), (cost, _) in table.items():
            areas[who][symbols.area(name, module)] += cost
    print(f"\nInstructions per echoed message of {size} bytes, both hosts and programs, by area\n")
    print(f"{'area':<32} {'TCP':>10} {'':>6} {'Homa':>10} {'':>6}")
    names = sorted(areas["TCP"] | areas["Homa"], key=lambda area: -areas["Homa"][area])
    for area in names + ["all"]:
        row = f"{area:<32}"
        for who in ("TCP", "Homa"):
            value = totals[who] if area == "all" else areas[who][area]
            row += f" {value:>10,.0f} {value / totals[who]:>6.1%}"
        print(row)
    for who in ("Homa", "TCP"):
        print(f"\n{who}: the {TOP} functions with most instructions per echoed message\n")
        print(f"{'function':<44} {'instructions':>12} {'share':>6} {'calls':>7}  area")
        table = sorted(costs[who].items(), key=lambda item: -item[1][0])
        for (name, module), (cost, calls) in table[:TOP]:
            times = f"{calls:7.1f}" if name != USER else f"{'':7}"
            print(
                f"{label(name, module):<44} {cost:>12,.0f} {cost / totals[who]:>6.1%} {times}  "
                f"{symbols.area(name, module)}"
            )


def write(path, symbols, costs):
    """All functions, as a table of tab-separated values."""
    rows = ["function\tmodule\tarea\thoma_instructions\thoma_calls\ttcp_instructions\ttcp_calls"]
    keys = sorted(costs["Homa"].keys() | costs["TCP"].keys(), key=lambda k: -costs["Homa"][k][0])
    for name, module in keys:
        values = costs["Homa"][name, module] + costs["TCP"][name, module]
        numbers = "\t".join(f"{value:.2f}" for value in values)
        if any(abs(value) >= 0.005 for value in values):
            rows.append(f"{name}\t{module}\t{symbols.area(name, module)}\t{numbers}")
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    print(f"\nAll functions: {os.path.relpath(path)}")


def profile(kernel, module, size):
    """Measures and prints; what kmod/bench/run --profile does."""
    symbols, costs = measure(kernel, module, size)
    show(size, symbols, costs)
    write(OUT / f"{kernel}-{size}.tsv", symbols, costs)

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command line of the simulator program; see options.h.
 */
#include "options.h"

#include "arguments.h"

#include "ns3/homa-host.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <getopt.h>
#include <unistd.h>

using namespace ns3;

namespace
{

std::pair<std::string, uint32_t>
Setting(const char* text)
{
    const char* equals = std::strchr(text, '=');
    if (!equals)
    {
        Refuse("--set wants NAME=VALUE, not \"%s\"", text);
    }
    std::string name(text, equals);
    if (name == "link_mbps")
    {
        Refuse("a simulated host knows the rate of its link; set that with --host-gbps");
    }
    const struct homa_param_info* info = homa_params_find(name.c_str());
    if (!info)
    {
        Refuse("there is no protocol parameter \"%s\"; homa-sim --parameters lists them",
               name.c_str());
    }
    char* end = nullptr;
    errno = 0;
    unsigned long long value = std::strtoull(equals + 1, &end, 10);
    if (end == equals + 1 || *end || errno || equals[1] == '-' || value < info->min ||
        value > info->max)
    {
        Refuse("%s must be a whole number of %s from %u to %u, not \"%s\"",
               info->name,
               info->unit,
               info->min,
               info->max,
               equals + 1);
    }
    return {name, static_cast<uint32_t>(value)};
}

/** An option: its name, argument and help, and what it does. */
struct Option
{
    const char* name;
    const char* argument;
    const char* help;
    std::function<void(const char*)> apply;
};

void
Help(const std::vector<Option>& table)
{
    std::printf(
        "Usage: homa-sim [OPTION]...\n"
        "Simulate Homa on a leaf-spine fabric, print message slowdowns, and write result files.\n"
        "Slowdown is a message's time over the least possible time for its size and hosts.\n\n");
    for (const Option& o : table)
    {
        std::string left = std::string("--") + o.name + (o.argument[0] ? "=" : "") + o.argument;
        std::printf("  %-28s %s\n", left.c_str(), o.help);
    }
    std::printf("\nExit status: 0 done, 1 the simulation failed, 2 bad usage or input.\n");
}

void
Parameters()
{
    std::printf("%-22s %10s %8s %10s  %-12s %s\n",
                "name",
                "default",
                "min",
                "max",
                "unit",
                "meaning");
    for (uint32_t i = 0; i < homa_param_count; i++)
    {
        const struct homa_param_info& p = homa_param_table[i];
        std::printf("%-22s %10u %8u %10u  %-12s %s\n",
                    p.name,
                    p.initial,
                    p.min,
                    p.max,
                    p.unit,
                    p.meaning);
    }
}

} // namespace

#ifndef HOMA_VERSION
#define HOMA_VERSION "unknown"
#endif
const char* const SIM_VERSION = HOMA_VERSION;
const char* const PROGRAM = "homa-sim";

Options
ParseOptions(int argc, char** argv)
{
    Options o;
    LeafSpineHelper helper;
    /* Whether figures of the fabric make sense is for the helper to say, after all of them.
     * The preset first: the overrides change its figures, in whatever order they are given. */
    std::vector<std::function<void(FabricParameters&)>> overrides;
    bool loadGiven = false;
    bool rateGiven = false;
    bool messagesGiven = false;
    auto number = [&overrides](auto FabricParameters::*field, double value) {
        overrides.push_back([field, value](FabricParameters& p) {
            p.*field = static_cast<std::remove_reference_t<decltype(p.*field)>>(value);
        });
    };

    std::vector<Option> table = {
        {"fabric",
         "NAME",
         "preset: sigcomm18 (default), atc21, c6620",
         [&](const char* a) { o.fabric = a; }},
        {"racks",
         "N",
         "racks",
         [&](const char* a) {
             number(&FabricParameters::racks, Whole("racks", a, 0, UINT32_MAX));
         }},
        {"hosts-per-rack",
         "N",
         "hosts in each rack",
         [&](const char* a) {
             number(&FabricParameters::hostsPerRack, Whole("hosts-per-rack", a, 0, UINT32_MAX));
         }},
        {"spines",
         "N",
         "spine switches; 0 with one rack only",
         [&](const char* a) {
             number(&FabricParameters::spines, Whole("spines", a, 0, UINT32_MAX));
         }},
        {"host-gbps",
         "R",
         "rate of a host's link, Gbit/s",
         [&](const char* a) {
             number(&FabricParameters::hostRate, 1e9 * Number("host-gbps", a, 0, 1e6));
         }},
        {"uplink-gbps",
         "R",
         "rate of a link between rack and spine, Gbit/s",
         [&](const char* a) {
             number(&FabricParameters::uplinkRate, 1e9 * Number("uplink-gbps", a, 0, 1e6));
         }},
        {"switch-delay",
         "TIME",
         "of each switch",
         [&](const char* a) {
             number(&FabricParameters::switchDelayNs, Nanoseconds("switch-delay", a));
         }},
        {"host-propagation",
         "TIME",
         "of a host's link",
         [&](const char* a) {
             number(&FabricParameters::hostPropagationNs, Nanoseconds("host-propagation", a));
         }},
        {"uplink-propagation",
         "TIME",
         "of a link between rack and spine",
         [&](const char* a) {
             number(&FabricParameters::uplinkPropagationNs, Nanoseconds("uplink-propagation", a));
         }},
        {"mtu",
         "BYTES",
         "longest IP datagram",
         [&](const char* a) { number(&FabricParameters::mtu, Whole("mtu", a, 0, UINT32_MAX)); }},
        {"port-buffer",
         "BYTES",
         "most bytes waiting at a switch port; 0: no limit",
         [&](const char* a) {
             number(&FabricParameters::portBufferBytes, Whole("port-buffer", a, 0, 1e12));
         }},
        {"shared-buffer",
         "BYTES",
         "memory shared by a switch's ports; 0: not shared",
         [&](const char* a) {
             number(&FabricParameters::switchBufferBytes, Whole("shared-buffer", a, 0, 1e12));
         }},
        {"alpha",
         "X",
         "share of the free shared memory that one port may hold",
         [&](const char* a) { number(&FabricParameters::alpha, Number("alpha", a, 0.001, 1000)); }},
        {"routing",
         "spray|ecmp",
         "each packet takes any spine, or each flow one",
         [&](const char* a) {
             bool ecmp = !std::strcmp(a, "ecmp");
             if (!ecmp && std::strcmp(a, "spray"))
             {
                 Refuse("--routing must be spray or ecmp, not \"%s\"", a);
             }
             overrides.push_back([ecmp](FabricParameters& p) {
                 p.routing = ecmp ? FabricRouting::ECMP : FabricRouting::SPRAY;
             });
         }},
        {"workload",
         "SPEC",
         "message sizes: w1, w1s, w2 to w5, a number of bytes, or a file (default w4)",
         [&](const char* a) { o.workload = a; }},
        {"load",
         "X",
         "share of host link capacity on the wire, headers and control included (default 0.8)",
         [&](const char* a) {
             o.load = Number("load", a, 0.001, 1);
             loadGiven = true;
         }},
        {"rate",
         "X",
         "instead of --load: requests per second and host",
         [&](const char* a) {
             o.messageRate = Number("rate", a, 1e-3, 1e9);
             rateGiven = true;
         }},
        {"messages",
         "N",
         "expected number of measured requests, all hosts together (default 100000)",
         [&](const char* a) {
             o.messages = Whole("messages", a, 1, 1e10);
             messagesGiven = true;
         }},
        {"duration",
         "TIME",
         "instead of --messages: time in which measured requests start",
         [&](const char* a) {
             o.durationNs = Nanoseconds("duration", a);
             if (!o.durationNs)
             {
                 Refuse("--duration must be above 0");
             }
         }},
        {"warmup",
         "TIME",
         "time before (default: by the longest message)",
         [&](const char* a) { o.warmupNs = Nanoseconds("warmup", a); }},
        {"drain",
         "TIME",
         "time after, at most, for measured requests to finish (default: half the duration)",
         [&](const char* a) { o.drainNs = Nanoseconds("drain", a); }},
        {"response",
         "BYTES",
         "length of responses; 0: as the request; 1: one-way messages (default)",
         [&](const char* a) { o.responseBytes = Whole("response", a, 0, HOMA_MESSAGE_CEILING); }},
        {"free-responses",
         "",
         "responses take no time on links: for measuring what they cost",
         [&](const char*) { o.freeResponses = true; }},
        {"seed",
         "N",
         "of all random numbers (default 1)",
         [&](const char* a) { o.seed = Whole("seed", a, 1, 4294967295.0); }},
        {"protocol",
         "NAME",
         "parameters to start from: sigcomm18 (as published for the workload), linux (the "
         "defaults); "
         "default: as the fabric",
         [&](const char* a) { o.protocol = a; }},
        {"set",
         "NAME=VALUE",
         "a protocol parameter; may be repeated; see --parameters",
         [&](const char* a) { o.sets.push_back(Setting(a)); }},
        {"road",
         "lean|ip",
         "hosts without (default) or with ns-3's InternetStack; same results",
         [&](const char* a) { o.road = a; }},
        {"scheduler",
         "TYPE",
         "ns-3's event scheduler, such as ns3::MapScheduler",
         [&](const char* a) { o.scheduler = a; }},
        {"out",
         "DIR",
         "folder for result files; made if missing",
         [&](const char* a) { o.out = a; }},
        {"every-message",
         "",
         "write DIR/messages.tsv, a line for each measured message",
         [&](const char*) { o.everyMessage = true; }},
        {"pcap",
         "PREFIX",
         "write PREFIX-HOST.pcap for each host (large)",
         [&](const char* a) { o.pcap = a; }},
        {"quiet", "", "no progress on stderr", [&](const char*) { o.quiet = true; }},
        {"parameters",
         "",
         "list the protocol parameters and exit",
         [&](const char*) {
             Parameters();
             std::exit(0);
         }},
        {"version",
         "",
         "print the version and exit",
         [&](const char*) {
             std::printf("homa-sim %s\n", SIM_VERSION);
             std::exit(0);
         }},
    };
    table.push_back({"help", "", "print this and exit", [&](const char*) {
                         Help(table);
                         std::exit(0);
                     }});

    std::vector<struct option> longs;
    for (const Option& t : table)
    {
        longs.push_back({t.name, t.argument[0] ? required_argument : no_argument, nullptr, 0});
    }
    longs.push_back({nullptr, 0, nullptr, 0});
    int index = 0;
    int c;
    while ((c = getopt_long(argc, argv, "", longs.data(), &index)) != -1)
    {
        if (c == '?')
        {
            std::fprintf(stderr, "Try homa-sim --help.\n");
            std::exit(2);
        }
        table[index].apply(optarg);
    }
    if (optind < argc)
    {
        Refuse("\"%s\" is not an option", argv[optind]);
    }
    if (loadGiven && rateGiven)
    {
        Refuse("give --load or --rate, not both");
    }
    if (rateGiven)
    {
        o.load = 0;
    }
    if (o.durationNs && messagesGiven)
    {
        Refuse("give --messages or --duration, not both");
    }
    if (o.durationNs)
    {
        o.messages = 0;
    }
    std::string wrong = helper.SetPreset(o.fabric);
    if (!wrong.empty())
    {
        Refuse("%s", wrong.c_str());
    }
    for (const auto& change : overrides)
    {
        change(helper.Parameters());
    }
    wrong = helper.Check();
    if (!wrong.empty())
    {
        Refuse("%s", wrong.c_str());
    }
    o.parameters = helper.Parameters();
    if (o.protocol == "auto")
    {
        o.protocol = o.fabric == "sigcomm18" ? "sigcomm18" : "linux";
    }
    if (o.protocol != "sigcomm18" && o.protocol != "linux")
    {
        Refuse("--protocol must be sigcomm18 or linux, not \"%s\"", o.protocol.c_str());
    }
    if (o.freeResponses && o.road != "lean")
    {
        Refuse("--free-responses needs --road=lean");
    }
    if (o.everyMessage && o.out.empty())
    {
        Refuse("--every-message needs --out=DIR");
    }
    const auto slash = o.pcap.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : o.pcap.substr(0, slash + 1);
    if (!o.pcap.empty() && access(folder.c_str(), W_OK | X_OK))
    {
        Refuse("cannot write files %s*: %s", o.pcap.c_str(), std::strerror(errno));
    }
    if (o.road != "lean" && o.road != "ip")
    {
        Refuse("--road must be lean or ip, not \"%s\"", o.road.c_str());
    }
    return o;
}

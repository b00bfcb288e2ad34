/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stock ns-3 costs: UDP over routers of its own, as the measure for ours.
 *
 * The leaf-spine of homa-sim's preset sigcomm18 from ns-3's point-to-point devices and its IP
 * stack, carrying full datagrams at a given load, open loop, each to a random host. Everything is
 * chosen to make stock ns-3 cheap: no queue disc, no flow control of devices, no IPv6, strong end
 * system model, static routing with as few routes as the topology needs (the routers scan all of
 * them for each packet; global routing has many more). Nothing of ours takes part but the
 * generator of random numbers and, if asked for, the event scheduler.
 *
 * Called by experiments/bench-sim; prints one "name <TAB> value" line per figure.
 */
#include "ns3-model/sim/arguments.h"
#include "workloads/random.h"

#include "ns3/core-module.h"
#include "ns3/internet-module.h"
#include "ns3/network-module.h"
#include "ns3/point-to-point-module.h"

#include <cerrno>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>
#include <sys/resource.h>
#include <vector>

using namespace ns3;

const char* const PROGRAM = "stock-bench";

namespace
{

constexpr uint32_t PAYLOAD = 1472;            //!< Bytes of UDP data that fill a datagram of 1500.
constexpr uint32_t WIRE = 1502;               //!< Bytes of that datagram on a point-to-point link.
constexpr uint64_t HOST_RATE = 10000000000;   //!< Link between host and router, bit/s.
constexpr uint64_t UPLINK_RATE = 40000000000; //!< Link between rack's router and spine, bit/s.
constexpr uint64_t HOP_DELAY = 250;           //!< Delay of every link, ns.
constexpr uint16_t PORT = 9;                  //!< UDP port.

/** The command line. */
struct Options
{
    uint32_t racks{9};                          //!< Racks.
    uint32_t hostsPerRack{16};                  //!< Hosts in each.
    uint32_t spines{4};                         //!< Spines.
    double load{0.8};                           //!< Share of the hosts' link capacity.
    uint64_t durationNs{1000000};               //!< Time in which datagrams are sent, ns.
    uint64_t seed{1};                           //!< Of the random numbers.
    std::string scheduler{"ns3::MapScheduler"}; //!< TypeId.
};

/** Print the usage. */
void
Help()
{
    std::printf("Usage: stock-bench [OPTION]...\n"
                "Send UDP through stock ns-3 routers in a leaf-spine, and print what it costs.\n\n"
                "  --racks=N           racks, 1 to 200 (default 9)\n"
                "  --hosts-per-rack=N  hosts in each, 1 to 60 (default 16)\n"
                "  --spines=N          spines, 1 to 200; 0 with one rack only (default 4)\n"
                "  --load=X            share of the hosts' link capacity, below 1 (default 0.8)\n"
                "  --duration=TIME     time in which datagrams are sent (default 1ms)\n"
                "  --seed=N            of all random numbers (default 1)\n"
                "  --scheduler=TYPE    event scheduler (default ns3::MapScheduler, as in ns-3)\n"
                "  --help              print this and exit\n"
                "\nHosts have 10 Gbit/s, spines 40 Gbit/s. A packet-hop is one link crossed.\n"
                "Exit status: 0 done, 1 packets were lost, 2 bad usage.\n");
}

/**
 * Read the command line.
 * \param argc As main() has it.
 * \param argv As main() has it.
 * \return The options.
 */
Options
ParseOptions(int argc, char** argv)
{
    static const struct option longs[] = {{"racks", required_argument, nullptr, 'r'},
                                          {"hosts-per-rack", required_argument, nullptr, 'h'},
                                          {"spines", required_argument, nullptr, 's'},
                                          {"load", required_argument, nullptr, 'l'},
                                          {"duration", required_argument, nullptr, 'd'},
                                          {"seed", required_argument, nullptr, 'n'},
                                          {"scheduler", required_argument, nullptr, 'e'},
                                          {"help", no_argument, nullptr, '?' + 128},
                                          {nullptr, 0, nullptr, 0}};
    Options o;
    int c;
    while ((c = getopt_long(argc, argv, "", longs, nullptr)) != -1)
    {
        switch (c)
        {
        case 'r':
            o.racks = Whole("racks", optarg, 1, 200);
            break;
        case 'h':
            o.hostsPerRack = Whole("hosts-per-rack", optarg, 1, 60);
            break;
        case 's':
            o.spines = Whole("spines", optarg, 0, 200);
            break;
        case 'l':
            o.load = Number("load", optarg, 0.001, 0.999);
            break;
        case 'd':
            o.durationNs = Nanoseconds("duration", optarg);
            if (!o.durationNs)
            {
                Refuse("--duration must be above 0");
            }
            break;
        case 'n':
            o.seed = Whole("seed", optarg, 1, 4294967295.0);
            break;
        case 'e':
            o.scheduler = optarg;
            break;
        case '?' + 128:
            Help();
            std::exit(0);
        default:
            std::fprintf(stderr, "Try stock-bench --help.\n");
            std::exit(2);
        }
    }
    if (optind < argc)
    {
        Refuse("\"%s\" is not an option", argv[optind]);
    }
    if (o.racks * o.hostsPerRack < 2)
    {
        Refuse("one host has nobody to send to; raise --racks or --hosts-per-rack");
    }
    if (o.racks > 1 && !o.spines)
    {
        Refuse("several racks need a spine; raise --spines");
    }
    return o;
}

/** CPU time of this process, s. */
double
CpuSeconds()
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
           1e-6 * (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/** The topology, the traffic and the counts. */
class StockBench
{
  public:
    /** \param options The command line. */
    explicit StockBench(const Options& options);
    /**
     * Run to the last packet and print the figures.
     * \return Exit status.
     */
    int Run();

  private:
    /** A sending and receiving host. */
    struct Host
    {
        Ptr<Socket> socket;   //!< For both directions.
        struct rng random;    //!< Gaps and destinations.
        InetSocketAddress to; //!< Its own address, for the others to send to.
    };

    /**
     * Join two nodes, and give both ends of the link an address.
     * \param a One node; gets the address ending in 2.
     * \param b The other; gets the one ending in 1.
     * \param rate Rate, bit/s.
     * \param network Network of 4 addresses.
     * \return Interface of \p a, then of \p b.
     */
    static std::pair<uint32_t, uint32_t> Join(Ptr<Node> a,
                                              Ptr<Node> b,
                                              uint64_t rate,
                                              uint32_t network);
    /**
     * Keep only the routes that were made on purpose.
     * \param node A node.
     * \return Its empty routing table.
     */
    static Ptr<Ipv4StaticRouting> ClearRoutes(Ptr<Node> node);
    /**
     * \param rack Rack.
     * \param host Host of the rack.
     * \return The network of the link to it.
     */
    static uint32_t HostNetwork(uint32_t rack, uint32_t host);
    /**
     * Schedule a host's next datagram.
     * \param host Index of the host.
     */
    void ScheduleNext(uint32_t host);
    /**
     * Send a datagram to a random other host.
     * \param host Index of the sender.
     */
    void Send(uint32_t host);
    /**
     * Take what has arrived.
     * \param socket Where.
     */
    void Receive(Ptr<Socket> socket);

    Options m_options;         //!< The command line.
    double m_meanGap;          //!< Between a host's datagrams, ns.
    std::vector<Host> m_hosts; //!< By index, rack by rack.
    uint64_t m_sent{0};        //!< Datagrams sent.
    uint64_t m_received{0};    //!< Datagrams delivered.
    uint64_t m_hops{0};        //!< Links crossed by them.
};

StockBench::StockBench(const Options& options)
    : m_options(options),
      m_meanGap(WIRE * 8e9 / (options.load * HOST_RATE))
{
    TypeId type;
    if (!TypeId::LookupByNameFailSafe(m_options.scheduler, &type) ||
        !type.IsChildOf(Scheduler::GetTypeId()))
    {
        Refuse("\"%s\" is not an event scheduler; try ns3::PriorityQueueScheduler",
               m_options.scheduler.c_str());
    }
    Simulator::SetScheduler(ObjectFactory(m_options.scheduler));
    Config::SetDefault("ns3::Ipv4::WeakEsModel", BooleanValue(false));

    const uint32_t racks = m_options.racks;
    const uint32_t perRack = m_options.hostsPerRack;
    const uint32_t spines = m_options.spines;
    NodeContainer hosts(racks * perRack);
    NodeContainer leaves(racks);
    NodeContainer tops(spines);
    InternetStackHelper stack;
    stack.SetIpv6StackInstall(false);
    stack.SetRoutingHelper(Ipv4StaticRoutingHelper());
    stack.Install(hosts);
    stack.Install(leaves);
    stack.Install(tops);

    // Interfaces of a rack's router towards its hosts and towards each spine; of spines downwards.
    std::vector<std::vector<uint32_t>> down(racks);
    std::vector<std::vector<uint32_t>> up(racks);
    std::vector<std::vector<uint32_t>> spineDown(spines);
    for (uint32_t r = 0; r < racks; r++)
    {
        for (uint32_t h = 0; h < perRack; h++)
        {
            auto ends =
                Join(hosts.Get(r * perRack + h), leaves.Get(r), HOST_RATE, HostNetwork(r, h));
            down[r].push_back(ends.second);
        }
        for (uint32_t s = 0; s < spines; s++)
        {
            auto ends = Join(leaves.Get(r),
                             tops.Get(s),
                             UPLINK_RATE,
                             (172U << 24) + (16U << 16) + (r * spines + s) * 4);
            up[r].push_back(ends.first);
            spineDown[s].push_back(ends.second);
        }
    }

    const Ipv4Mask rackMask("255.255.0.0");
    for (uint32_t i = 0; i < hosts.GetN(); i++)
    {
        ClearRoutes(hosts.Get(i))->SetDefaultRoute(Ipv4Address::GetAny(), 1);
    }
    for (uint32_t r = 0; r < racks; r++)
    {
        Ptr<Ipv4StaticRouting> routing = ClearRoutes(leaves.Get(r));
        for (uint32_t h = 0; h < perRack; h++)
        {
            routing->AddHostRouteTo(Ipv4Address(HostNetwork(r, h) + 2), down[r][h]);
        }
        // Static routes cannot spray: each pair of racks has its spine, the pairs spread evenly.
        for (uint32_t to = 0; to < racks; to++)
        {
            if (to != r)
            {
                routing->AddNetworkRouteTo(Ipv4Address(HostNetwork(to, 0)),
                                           rackMask,
                                           up[r][(r + to) % spines]);
            }
        }
    }
    for (uint32_t s = 0; s < spines; s++)
    {
        Ptr<Ipv4StaticRouting> routing = ClearRoutes(tops.Get(s));
        for (uint32_t r = 0; r < racks; r++)
        {
            routing->AddNetworkRouteTo(Ipv4Address(HostNetwork(r, 0)), rackMask, spineDown[s][r]);
        }
    }

    for (uint32_t i = 0; i < hosts.GetN(); i++)
    {
        const Ipv4Address address(HostNetwork(i / perRack, i % perRack) + 2);
        Host host{Socket::CreateSocket(hosts.Get(i), UdpSocketFactory::GetTypeId()),
                  {},
                  InetSocketAddress(address, PORT)};
        host.socket->Bind(InetSocketAddress(Ipv4Address::GetAny(), PORT));
        host.socket->SetRecvCallback(MakeCallback(&StockBench::Receive, this));
        rng_seed(&host.random, m_options.seed, i);
        m_hosts.push_back(host);
    }
    for (uint32_t i = 0; i < hosts.GetN(); i++)
    {
        ScheduleNext(i);
    }
}

std::pair<uint32_t, uint32_t>
StockBench::Join(Ptr<Node> a, Ptr<Node> b, uint64_t rate, uint32_t network)
{
    PointToPointHelper link;
    link.SetDeviceAttribute("DataRate", DataRateValue(DataRate(rate)));
    link.SetChannelAttribute("Delay", TimeValue(NanoSeconds(HOP_DELAY)));
    link.SetQueue("ns3::DropTailQueue", "MaxSize", StringValue("1000000p"));
    link.DisableFlowControl();
    NetDeviceContainer devices = link.Install(a, b);
    uint32_t interfaces[2];
    for (uint32_t end = 0; end < 2; end++)
    {
        // By hand: Ipv4AddressHelper would install a queue disc.
        Ptr<Ipv4> ip = (end ? b : a)->GetObject<Ipv4>();
        interfaces[end] = ip->AddInterface(devices.Get(end));
        ip->AddAddress(
            interfaces[end],
            Ipv4InterfaceAddress(Ipv4Address(network + 2 - end), Ipv4Mask("255.255.255.252")));
        ip->SetUp(interfaces[end]);
    }
    return {interfaces[0], interfaces[1]};
}

Ptr<Ipv4StaticRouting>
StockBench::ClearRoutes(Ptr<Node> node)
{
    auto routing = DynamicCast<Ipv4StaticRouting>(node->GetObject<Ipv4>()->GetRoutingProtocol());
    while (routing->GetNRoutes())
    {
        routing->RemoveRoute(0);
    }
    return routing;
}

uint32_t
StockBench::HostNetwork(uint32_t rack, uint32_t host)
{
    return (10U << 24) + (rack << 16) + host * 4;
}

void
StockBench::ScheduleNext(uint32_t host)
{
    const double gap = rng_exponential(&m_hosts[host].random, m_meanGap);
    const Time at = Simulator::Now() + NanoSeconds(std::llround(gap));
    if (static_cast<uint64_t>(at.GetNanoSeconds()) < m_options.durationNs)
    {
        Simulator::Schedule(at - Simulator::Now(), &StockBench::Send, this, host);
    }
}

void
StockBench::Send(uint32_t host)
{
    Host& from = m_hosts[host];
    uint32_t to = rng_below(&from.random, m_hosts.size() - 1);
    to += to >= host;
    const bool sameRack = host / m_options.hostsPerRack == to / m_options.hostsPerRack;
    m_sent++;
    m_hops += sameRack ? 2 : 4;
    from.socket->SendTo(Create<Packet>(PAYLOAD), 0, m_hosts[to].to);
    ScheduleNext(host);
}

void
StockBench::Receive(Ptr<Socket> socket)
{
    while (socket->Recv())
    {
        m_received++;
    }
}

int
StockBench::Run()
{
    const double before = CpuSeconds();
    Simulator::Run();
    const double cpu = CpuSeconds() - before;
    const uint64_t events = Simulator::GetEventCount();
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    Simulator::Destroy();
    if (!m_received || m_received != m_sent)
    {
        std::fprintf(stderr,
                     "stock-bench: %" PRIu64 " of %" PRIu64 " datagrams were delivered; "
                     "lower --load, or raise --duration if it is 0\n",
                     m_received,
                     m_sent);
        return 1;
    }
    std::printf("figure\tvalue\n");
    std::printf("scheduler\t%s\n", m_options.scheduler.c_str());
    std::printf("hosts\t%zu\n", m_hosts.size());
    std::printf("cpu_s\t%.4f\n", cpu);
    std::printf("packets\t%" PRIu64 "\n", m_received);
    std::printf("packet_hops\t%" PRIu64 "\n", m_hops);
    std::printf("events\t%" PRIu64 "\n", events);
    std::printf("cpu_us_per_packet\t%.4f\n", 1e6 * cpu / m_received);
    std::printf("cpu_ns_per_packet_hop\t%.1f\n", 1e9 * cpu / m_hops);
    std::printf("peak_memory_mb\t%.1f\n", usage.ru_maxrss * 1024e-6);
    return 0;
}

} // namespace

int
main(int argc, char** argv)
{
    StockBench bench(ParseOptions(argc, argv));
    return bench.Run();
}

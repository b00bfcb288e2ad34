/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Simulated hosts that hold RPCs with a real one, in real time, over a tap device. Two hosts, one
 * of which loses packets on its link. Both echo requests; when the real host asks them to, both
 * send requests to its echo server, too, and the real host's question is answered when they are
 * done: so it also is an RPC whose server takes long. test/interop/run starts this program.
 */
#include "calls.h"
#include "packet-log.h"
#include "wire.h"

#include "ns3/boolean.h"
#include "ns3/config.h"
#include "ns3/global-value.h"
#include "ns3/homa-host.h"
#include "ns3/homa-socket-factory.h"
#include "ns3/inet-socket-address.h"
#include "ns3/inet6-socket-address.h"
#include "ns3/nstime.h"
#include "ns3/realtime-simulator-impl.h"
#include "ns3/simulator.h"
#include "ns3/string.h"
#include "ns3/uinteger.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <getopt.h>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>

using namespace ns3;

namespace
{

constexpr uint16_t ECHO = 4100;     //!< Port of the echo servers, here and on the real host.
constexpr uint16_t BEGIN = 4101;    //!< Port that asks the simulated hosts to be clients.
constexpr uint16_t NOBODY = 4102;   //!< Port that nobody serves.
constexpr double SET_SECONDS = 20;  //!< For RPCs that are under way together.
constexpr double QUIET_SECONDS = 5; //!< For the hosts to forget all RPCs at the end.

const char* const USAGE =
    "Usage: interop --tap NAME [OPTION ...]\n"
    "Simulate hosts that hold Homa RPCs with a real host over the tap device NAME, in real time.\n"
    "They echo requests to port 4100. A request to port 4101 of 10.0.0.2 starts their own "
    "requests\n"
    "to port 4100 of the real host, 10.0.0.1 and fd00::1, and is answered when these have ended.\n"
    "\n"
    "  10.0.0.2, fd00::2  a host whose link loses nothing\n"
    "  10.0.0.3, fd00::3  a host whose link loses packets\n"
    "\n"
    "  --tap NAME     an existing tap device that nobody else has opened\n"
    "  --loss PERCENT of packets that the second host's link loses, each way (2)\n"
    "  --sizes LIST   lengths of requests in bytes, with commas (1,100,1400,10000,500000,1000000)\n"
    "  --log FILE     write a line for every packet\n"
    "  --seconds N    end after this time in any case (600)\n"
    "  --help         show this\n"
    "\n"
    "Prints TAP. Ends after SIGTERM or SIGINT.\n"
    "Exit status: 0 every test passed, 1 some failed, 2 bad usage or no such device.\n";

volatile std::sig_atomic_t g_stop = 0; //!< A signal asked us to end.

/** What the command line says. */
struct Options
{
    std::string tap;                                                   //!< --tap
    double loss{2};                                                    //!< --loss
    std::vector<uint32_t> sizes{1, 100, 1400, 10000, 500000, 1000000}; //!< --sizes
    std::string log;                                                   //!< --log
    double seconds{600};                                               //!< --seconds
};

/**
 * Complain and exit.
 * \param what What is wrong and what to do.
 */
[[noreturn]] void
Refuse(const std::string& what)
{
    std::cerr << "interop: " << what << std::endl;
    exit(2);
}

/**
 * \param option Name of the option.
 * \param text Its argument.
 * \param min Least value.
 * \param max Largest value.
 * \return The number.
 */
double
Number(const char* option, const std::string& text, double min, double max)
{
    char* end;
    double value = strtod(text.c_str(), &end);
    if (text.empty() || *end || !(value >= min && value <= max))
    {
        std::ostringstream why;
        why << option << ": \"" << text << "\" is no number from " << min << " to " << max;
        Refuse(why.str());
    }
    return value;
}

/**
 * \param argc Of main().
 * \param argv Of main().
 * \return What they say.
 */
Options
Parse(int argc, char** argv)
{
    static const struct option options[] = {
        {"tap", required_argument, nullptr, 't'},
        {"loss", required_argument, nullptr, 'l'},
        {"sizes", required_argument, nullptr, 'z'},
        {"log", required_argument, nullptr, 'g'},
        {"seconds", required_argument, nullptr, 's'},
        {"help", no_argument, nullptr, 'h'},
        {},
    };
    Options o;
    int option;
    while ((option = getopt_long(argc, argv, "", options, nullptr)) >= 0)
    {
        switch (option)
        {
        case 't':
            o.tap = optarg;
            break;
        case 'l':
            o.loss = Number("--loss", optarg, 0, 50);
            break;
        case 'z': {
            std::istringstream list(optarg);
            std::string item;
            o.sizes.clear();
            while (std::getline(list, item, ','))
            {
                o.sizes.push_back(std::lround(Number("--sizes", item, 1, 1000000)));
            }
            if (o.sizes.empty())
            {
                Refuse("--sizes: at least one is needed");
            }
            break;
        }
        case 'g':
            o.log = optarg;
            break;
        case 's':
            o.seconds = Number("--seconds", optarg, 1, 86400);
            break;
        case 'h':
            std::cout << USAGE;
            exit(0);
        default:
            std::cerr << USAGE;
            exit(2);
        }
    }
    if (optind < argc || o.tap.empty())
    {
        std::cerr << USAGE;
        exit(2);
    }
    return o;
}

/** The simulated hosts, what they serve and what they ask for. */
class Interop
{
  public:
    /** \param options What the command line says. */
    explicit Interop(const Options& options);
    /**
     * Run until we are told to end.
     * \return Exit status.
     */
    int Run();

  private:
    /**
     * Serve a port over IPv4 and IPv6.
     * \param host Where.
     * \param port The port.
     * \param serve Called with each request.
     */
    void Serve(const Host& host,
               uint16_t port,
               std::function<void(HomaSocket& server, const HomaMessage& request)> serve);
    /**
     * Add the RPCs of a host with the real one.
     * \param host The client.
     * \param ipv6 Whether over IPv6.
     */
    void AddCalls(const Host& host, bool ipv6);
    /** See whether it is time to end, and how far behind the clock we are. */
    void Watch();
    /** Report what is left when everything has ended. */
    void Conclude();
    /** \return Whether no host has an RPC any more. */
    bool IsQuiet() const;

    Options m_options;                          //!< What the command line says.
    Tap m_tap;                                  //!< Results.
    Wire m_wire;                                //!< The network.
    std::vector<Host*> m_hosts;                 //!< Without and with loss.
    std::vector<Ptr<HomaSocket>> m_servers;     //!< Theirs.
    std::unique_ptr<PacketLog> m_log;           //!< If wanted.
    Caller m_caller;                            //!< Their requests.
    std::vector<HomaMessage> m_asked;           //!< Who wants them to be clients.
    bool m_begun{false};                        //!< They are, or were.
    bool m_ended{false};                        //!< They have been.
    std::map<const Host*, uint64_t> m_answered; //!< Requests that each has answered.
    Time m_behind;                              //!< Most that we were behind the clock.
    Time m_quietBy;                             //!< When everything must have ended; 0: not yet.
};

Interop::Interop(const Options& options)
    : m_options(options),
      m_wire(options.tap),
      m_caller(m_tap, SET_SECONDS)
{
    m_hosts.push_back(&m_wire.AddHost("10.0.0.2", "fd00::2", 0));
    m_hosts.push_back(&m_wire.AddHost("10.0.0.3", "fd00::3", options.loss / 100));
    if (!options.log.empty())
    {
        m_log = std::make_unique<PacketLog>(options.log);
        m_log->Follow(m_hosts[0]->transport, "clean");
        m_log->Follow(m_hosts[1]->transport, "lossy");
    }
    for (Host* host : m_hosts)
    {
        Serve(*host, ECHO, [this, host](HomaSocket& server, const HomaMessage& request) {
            m_answered[host] += !server.SendReply(request.id, request.from, request.packet);
        });
        AddCalls(*host, false);
        AddCalls(*host, true);
    }
    Serve(*m_hosts[0], BEGIN, [this](HomaSocket& server, const HomaMessage& request) {
        if (m_ended)
        {
            server.SendReply(request.id, request.from, request.packet);
            return;
        }
        m_asked.push_back(request);
        if (m_begun)
        {
            return;
        }
        m_begun = true;
        m_caller.Run([this, &server]() {
            m_ended = true;
            for (const HomaMessage& asked : m_asked)
            {
                server.SendReply(asked.id, asked.from, asked.packet);
            }
        });
    });
}

void
Interop::Serve(const Host& host,
               uint16_t port,
               std::function<void(HomaSocket& server, const HomaMessage& request)> serve)
{
    Ptr<Socket> socket = Socket::CreateSocket(host.node, HomaSocketFactory::GetTypeId());
    m_servers.push_back(DynamicCast<HomaSocket>(socket));
    m_servers.back()->Bind(Inet6SocketAddress(Ipv6Address::GetAny(), port));
    HomaSocket* server = PeekPointer(m_servers.back());
    server->SetRecvCallback(Callback<void, Ptr<Socket>>([server, serve](Ptr<Socket>) {
        while (std::optional<HomaMessage> message = server->RecvMessage())
        {
            serve(*server, *message);
        }
    }));
}

void
Interop::AddCalls(const Host& host, bool ipv6)
{
    std::ostringstream where;
    where << "ns-3 calls homa.ko, " << (ipv6 ? "IPv6" : "IPv4") << ", " << host.loss * 100
          << "% lost: ";
    auto at = [ipv6](uint16_t port) {
        return ipv6 ? Address(Inet6SocketAddress(Ipv6Address("fd00::1"), port))
                    : Address(InetSocketAddress(Ipv4Address("10.0.0.1"), port));
    };
    for (uint32_t size : m_options.sizes)
    {
        std::string name = where.str() + std::to_string(size) + " bytes come back";
        m_caller.Add({name, host.node, at(ECHO), {size}});
    }
    std::string name = where.str() + "all of these at once";
    m_caller.Add({name, host.node, at(ECHO), m_options.sizes});
    name = where.str() + "a port that nobody serves refuses";
    m_caller.Add({name, host.node, at(NOBODY), {1000}, Socket::ERROR_NOTCONN});
}

bool
Interop::IsQuiet() const
{
    return std::all_of(m_hosts.begin(), m_hosts.end(), [](const Host* host) {
        return !host->transport->GetHost().rpc_count;
    });
}

void
Interop::Watch()
{
    Ptr<RealtimeSimulatorImpl> clock =
        DynamicCast<RealtimeSimulatorImpl>(Simulator::GetImplementation());
    m_behind = std::max(m_behind, clock->RealtimeNow() - Simulator::Now());
    if (m_quietBy.IsZero() && (g_stop || Simulator::Now() >= Seconds(m_options.seconds)))
    {
        m_quietBy = Simulator::Now() + Seconds(QUIET_SECONDS);
    }
    if (!m_quietBy.IsZero() && (IsQuiet() || Simulator::Now() >= m_quietBy))
    {
        Simulator::Stop();
        return;
    }
    Simulator::Schedule(MilliSeconds(10), &Interop::Watch, this);
}

void
Interop::Conclude()
{
    m_tap.Result(m_ended, "ns-3 was asked to be a client, and all its RPCs ended");
    m_tap.Result(IsQuiet(), "ns-3 keeps no RPC when both sides are through");
    for (const Host* host : m_hosts)
    {
        std::ostringstream where;
        where << "ns-3 behind a link that loses " << host->loss * 100 << "%: ";
        const homa_counters& counters = host->transport->GetCounters();
        std::string dropped;
        for (int why = HOMA_DROP_SHORT; why <= HOMA_DROP_RANGE; why++)
        {
            if (counters.packets_dropped[why])
            {
                dropped += std::to_string(counters.packets_dropped[why]) + " as " +
                           homa_wire_drop_name(static_cast<homa_drop>(why)) + "; ";
            }
        }
        m_tap.Result(dropped.empty(),
                     where.str() + "no packet had to be dropped as invalid",
                     dropped);
        m_tap.Result(m_answered[host] > 0, where.str() + "requests were answered");
        bool expected = host->loss > 0;
        m_tap.Result((host->lostOut > 0) == expected && (host->lostIn > 0) == expected,
                     where.str() +
                         (expected ? "packets were lost both ways" : "no packet was lost"));
        std::cout << "# " << where.str() << m_answered[host] << " requests answered; lost "
                  << host->lostOut << " packets out, " << host->lostIn << " in; sent again "
                  << counters.resent_packets << std::endl;
    }
    std::cout << "# at most " << m_behind.GetMilliSeconds() << " ms behind the clock" << std::endl;
}

int
Interop::Run()
{
    Simulator::Schedule(Seconds(0), &Interop::Watch, this);
    Simulator::Run();
    Conclude();
    for (Ptr<HomaSocket> server : m_servers)
    {
        server->Close();
    }
    return m_tap.IsGood() ? 0 : 1;
}

} // namespace

int
main(int argc, char** argv)
{
    Options options = Parse(argc, argv);
    struct sigaction stop = {};
    stop.sa_handler = [](int) { g_stop = 1; };
    sigaction(SIGTERM, &stop, nullptr);
    sigaction(SIGINT, &stop, nullptr);

    GlobalValue::Bind("SimulatorImplementationType", StringValue("ns3::RealtimeSimulatorImpl"));
    /* Without it, ns-3 leaves the IP header's checksum zero. */
    GlobalValue::Bind("ChecksumEnabled", BooleanValue(true));
    Config::SetDefault("ns3::RealtimeSimulatorImpl::SynchronizationMode",
                       StringValue("BestEffort"));
    /* A neighbour that is asked again at its own address, as ns-3 does after this time, may leave
     * its link-layer address out of the answer (RFC 4861, 7.2.4). Linux does, ns-3 takes no notice
     * of such answers, and nothing is sent for seconds. */
    Config::SetDefault("ns3::Icmpv6L4Protocol::DelayFirstProbe", TimeValue(Hours(1)));
    /* Homa's patience is made for hosts that answer within microseconds; an emulated one, on a
     * processor that others use too, may be quiet for long. Requests must be remembered for longer
     * than their clients wait: 20 times TimeoutResends intervals. interop.sh sets the same. */
    Config::SetDefault("ns3::HomaTransport::ResendTicks", UintegerValue(20));
    Config::SetDefault("ns3::HomaTransport::ResendInterval", UintegerValue(20));
    Config::SetDefault("ns3::HomaTransport::TimeoutResends", UintegerValue(50));
    Config::SetDefault("ns3::HomaTransport::HistoryTicks", UintegerValue(30000));
    int status;
    try
    {
        status = Interop(options).Run();
    }
    catch (const std::runtime_error& problem)
    {
        Refuse(problem.what());
    }
    Simulator::Destroy();
    return status;
}

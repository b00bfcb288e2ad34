/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One simulation; see experiment.h.
 */
#include "experiment.h"

#include "arguments.h"
#include "workloads/random.h"

#include "ns3/core-module.h"
#include "ns3/homa-address.h"
#include "ns3/homa-helper.h"
#include "ns3/leaf-spine-helper.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sys/resource.h>
#include <unistd.h>

using namespace ns3;

/** Bytes of a control packet on an Ethernet link, headers, framing and gap included. */
static double
ControlBytes(uint8_t type)
{
    return FabricPacket::WireBytes(HOMA_IPV4_HEADER + homa_wire_header_length(type));
}

/** CPU time of this process, s. */
static double
CpuSeconds()
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
           1e-6 * (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

Experiment::Experiment(const Options& options)
    : m_options(options)
{
    char error[SAMPLER_ERROR_LEN];
    if (sampler_open(&m_sizes, options.workload.c_str(), nullptr, error, sizeof(error)))
    {
        Refuse("%s", error);
    }
    RngSeedManager::SetSeed(options.seed);
    if (!options.scheduler.empty())
    {
        TypeId type;
        if (!TypeId::LookupByNameFailSafe(options.scheduler, &type) ||
            !type.IsChildOf(Scheduler::GetTypeId()))
        {
            Refuse("\"%s\" is not an ns-3 scheduler; try ns3::HeapScheduler",
                   options.scheduler.c_str());
        }
        Simulator::SetScheduler(ObjectFactory(options.scheduler));
    }
    else
    {
        Simulator::SetScheduler(ObjectFactory(HomaHelper::FastestScheduler()));
    }
    LeafSpineHelper builder;
    builder.Parameters() = options.parameters;
    m_fabric = builder.Build();
    uint32_t hosts = m_fabric->GetNHosts();
    for (uint32_t i = 0; i < hosts; i++)
    {
        m_transports.push_back(CreateObject<HomaTransport>());
        Configure(m_transports[i]);
        m_addresses.push_back(
            HomaAddress::ToIpv6(HomaAddress::FromIpv4(m_fabric->GetIpv4Address(i))));
    }
    Config::SetDefault("ns3::HomaFabricOutput::FreeResponses", BooleanValue(options.freeResponses));
    HomaHelper homa;
    if (options.road == "lean")
    {
        homa.InstallLean(m_fabric, m_transports);
    }
    else
    {
        homa.InstallIp(m_fabric, m_transports);
    }
    if (!options.pcap.empty())
    {
        homa.EnablePcap(options.pcap, m_fabric);
    }
    m_packet = options.parameters.mtu - HOMA_IPV4_HEADER - HOMA_DATA_HEADER;
    uint32_t longest = std::max(m_sizes.bytes[m_sizes.rows - 1], options.responseBytes);
    if (longest > GetParameters().max_message)
    {
        Refuse("there are messages of %u bytes; add --set max_message=%u", longest, longest);
    }
    /* All hosts know the workload: their cutoffs fit it from the start. */
    for (uint32_t i = 0; i < hosts; i++)
    {
        struct rng rng;
        rng_seed(&rng, 1, 0);
        m_transports[i]->LearnSizes([&]() { return sampler_draw(&m_sizes, rng_next(&rng)); },
                                    20000);
    }
    Calibrate();
    const auto servers = std::make_shared<const std::vector<Ipv6Address>>(m_addresses);
    for (uint32_t i = 0; i < hosts; i++)
    {
        Ptr<Node> node = m_fabric->GetNode(i);
        Ptr<HomaRpcServer> server = CreateObject<HomaRpcServer>();
        server->SetAttribute("ResponseBytes", UintegerValue(options.responseBytes));
        server->TraceConnectWithoutContext(
            "Request",
            MakeBoundCallback(
                +[](Experiment* e, uint32_t host, const HomaRpc* rpc) { e->Arrived(host, rpc); },
                this,
                i));
        node->AddApplication(server);
        Ptr<HomaRpcClient> client = CreateObject<HomaRpcClient>();
        client->SetSampler(&m_sizes);
        client->SetStream(options.seed, i);
        client->SetAttribute("Interval",
                             TimeValue(NanoSeconds(
                                 std::max(1LL, std::llround(1e9 / m_findings.messagesPerSecond)))));
        client->TraceConnectWithoutContext(
            "Done",
            MakeBoundCallback(
                +[](Experiment* e, uint32_t host, const HomaRpc* rpc, bool failed) {
                    e->Done(host, rpc, failed);
                },
                this,
                i));
        client->ShareServers(servers, i);
        node->AddApplication(client);
        m_clients.push_back(client);
    }
}

Experiment::~Experiment()
{
    Simulator::Destroy();
    sampler_close(&m_sizes);
}

void
Experiment::Configure(Ptr<HomaTransport> transport)
{
    homa_params& p = transport->GetParameters();
    if (m_options.protocol == "sigcomm18")
    {
        HomaHelper::UsePublished(p, m_options.workload);
    }
    for (const auto& [name, value] : m_options.sets)
    {
        *homa_params_at(&p, homa_params_find(name.c_str())) = value;
    }
    const char* wrong = homa_params_update(&p);
    if (wrong)
    {
        Refuse("%s", wrong);
    }
}

double
Experiment::WireBytes(uint32_t bytes) const
{
    const homa_params& p = GetParameters();
    uint64_t packets = (bytes + m_packet - 1) / m_packet;
    uint64_t unscheduled = homa_peer_unsched(&p, m_packet) / m_packet;
    uint64_t last = bytes - (packets - 1) * m_packet;
    double wire =
        (packets - 1) * FabricPacket::WireBytes(HOMA_IPV4_HEADER + HOMA_DATA_HEADER + m_packet) +
        FabricPacket::WireBytes(HOMA_IPV4_HEADER + HOMA_DATA_HEADER + last);
    if (packets > unscheduled)
    {
        /* A grant is for a step, and a step is one packet or more. Where the window depends on how
         * many messages come at once, that of one alone is good enough. */
        uint64_t step = homa_params_step(&p, homa_params_window(&p, 1));
        uint64_t each = std::max<uint64_t>(1, (step + m_packet - 1) / m_packet);
        wire += (packets - unscheduled + each - 1) / each * ControlBytes(HOMA_GRANT);
    }
    return wire;
}

void
Experiment::Calibrate()
{
    uint32_t hosts = m_fabric->GetNHosts();
    double capacity = m_options.parameters.hostRate / 8.0;
    auto perMessage = [](uint32_t bytes, void* arg) {
        auto e = static_cast<Experiment*>(arg);
        uint32_t response = e->m_options.responseBytes ? e->m_options.responseBytes : bytes;
        return e->WireBytes(bytes) + (e->m_options.freeResponses ? 0 : e->WireBytes(response));
    };
    double wire = sampler_expect(&m_sizes, perMessage, this);
    double rate = m_options.messageRate;
    /* The ack rides on the next packet to the same server, or is asked for after request_ack_ticks.
     */
    double askAfter = GetParameters().request_ack_ticks * 1e-9 * GetParameters().tick_ns;
    double asked = ControlBytes(HOMA_NEED_ACK) + ControlBytes(HOMA_ACK);
    double acks = 0;
    for (int i = 0; i < 20; i++)
    {
        if (m_options.load > 0)
        {
            rate = m_options.load * capacity / (wire + acks);
        }
        acks = asked * std::exp(-2 * rate / (hosts - 1) * askAfter);
    }
    const FabricParameters& p = m_options.parameters;
    double leaving = static_cast<double>(hosts - p.hostsPerRack) / (hosts - 1);
    double uplinks = static_cast<double>(p.uplinkRate) * p.spines / p.hostsPerRack;
    if (m_options.load * p.hostRate * leaving > uplinks)
    {
        Refuse("%g of the hosts' links is more than the uplinks of a rack carry, which is %.3f; "
               "lower --load or raise --spines or --uplink-gbps (--rate refuses nothing)",
               m_options.load,
               uplinks / leaving / p.hostRate);
    }
    m_findings.messagesPerSecond = rate;
    m_findings.wireBytesPerMessage = wire + acks;
    if (m_options.messages)
    {
        m_findings.durationNs = std::ceil(1e9 * m_options.messages / (rate * hosts));
    }
    else
    {
        m_findings.durationNs = m_options.durationNs;
    }
    if (m_options.warmupNs >= 0)
    {
        m_findings.warmupNs = m_options.warmupNs;
    }
    else
    {
        /* The longest message at twice its least time, or a fifth of the measured time, whichever
         * is less; but not a moment. */
        double longest = 2 * 1e9 * m_sizes.bytes[m_sizes.rows - 1] / capacity;
        m_findings.warmupNs = std::max(1e6, std::min(longest, 0.2 * m_findings.durationNs));
    }
    m_findings.drainNs = m_options.drainNs >= 0
                             ? m_options.drainNs
                             : std::max<uint64_t>(m_findings.durationNs / 2, 10000000);
    m_startNs = m_findings.warmupNs;
    m_stopNs = m_startNs + m_findings.durationNs;
}

uint64_t
Experiment::LeastNs(uint32_t bytes, uint32_t src, uint32_t dst) const
{
    uint32_t header = HOMA_IPV4_HEADER + HOMA_DATA_HEADER;
    uint32_t full = bytes / m_packet;
    uint32_t rest = bytes % m_packet;
    return m_fabric->GetUnloadedNs(src,
                                   dst,
                                   full,
                                   FabricPacket::WireBytes(header + m_packet),
                                   rest ? FabricPacket::WireBytes(header + rest) : 0);
}

void
Experiment::Arrived(uint32_t host, const HomaRpc* rpc)
{
    uint32_t src = m_fabric->FindHost(HomaAddress::ToIpv4(HomaAddress::FromIpv6(rpc->GetPeer())));
    uint32_t bytes = rpc->GetReceivedLength();
    m_arrivedBytes += bytes;
    HomaRpc* sent = m_transports[src]->Find(m_addresses[host], rpc->GetId() ^ 1);
    if (!sent || !IsPending(sent))
    {
        return;
    }
    /* Marked, so that Finish() does not take it for unfinished when only its response is under way.
     */
    sent->cookie = 1;
    uint64_t took = Simulator::Now().GetTimeStep() - sent->GetStartNs();
    double slowdown = static_cast<double>(took) / LeastNs(bytes, src, host);
    m_recorder.Add({bytes, static_cast<float>(slowdown), src, host, sent->GetStartNs(), took});
    m_arrived++;
    FinishIfComplete();
}

void
Experiment::Done(uint32_t host, const HomaRpc* rpc, bool failed)
{
    if (!failed)
    {
        m_responseBytes += rpc->GetReceivedLength();
        return;
    }
    m_findings.failed++;
    if (IsPending(rpc))
    {
        m_recorder.AddUnfinished(rpc->GetSentLength());
        /* When it is gone: Finish() counts those that are there. */
        Simulator::ScheduleNow(&Experiment::FinishIfComplete, this);
    }
}

bool
Experiment::IsPending(const HomaRpc* rpc) const
{
    return rpc->GetStartNs() >= m_startNs && rpc->GetStartNs() < m_stopNs && !rpc->cookie;
}

/** Bytes of requests that were issued and have not arrived. */
static double
Backlog(const std::vector<Ptr<HomaRpcClient>>& clients, uint64_t arrived)
{
    double issued = 0;
    for (const auto& client : clients)
    {
        issued += client->GetIssuedBytes();
    }
    return issued - arrived;
}

void
Experiment::StartMeasuring()
{
    for (const auto& client : m_clients)
    {
        m_issuedBefore += client->GetIssued();
    }
    m_deliveredBefore = m_arrivedBytes + m_responseBytes;
    m_findings.backlogStart = Backlog(m_clients, m_arrivedBytes);
    for (const auto& port : m_fabric->GetPorts())
    {
        m_hopsBefore += port->GetCounters().TotalPackets();
    }
    m_dropsBefore = m_fabric->GetDrops();
    m_fabric->ResetCounters();
}

void
Experiment::StopMeasuring()
{
    double capacity =
        m_options.parameters.hostRate / 8.0 * m_fabric->GetNHosts() * 1e-9 * m_findings.durationNs;
    uint64_t issued = 0;
    for (const auto& client : m_clients)
    {
        issued += client->GetIssued();
    }
    m_findings.issued = issued - m_issuedBefore;
    m_findings.offeredLoad = m_findings.issued * m_findings.wireBytesPerMessage / capacity;
    for (const auto& port : m_fabric->GetPorts())
    {
        m_findings.ports.push_back(port->GetCounters());
    }
    m_findings.toHosts = m_fabric->GetCounters(FabricRole::RACK_DOWN);
    m_findings.carriedLoad = m_fabric->GetCounters(FabricRole::HOST_UP).TotalBytes() / capacity;
    m_findings.deliveredLoad = m_findings.toHosts.TotalBytes() / capacity;
    m_findings.goodput = (m_arrivedBytes + m_responseBytes - m_deliveredBefore) / capacity;
    m_findings.backlogEnd = Backlog(m_clients, m_arrivedBytes);
    m_stopped = true;
    FinishIfComplete();
    Simulator::Schedule(NanoSeconds(m_findings.drainNs), &Experiment::Finish, this);
}

void
Experiment::FinishIfComplete()
{
    if (m_stopped && m_arrived + m_recorder.GetUnfinished() == m_findings.issued)
    {
        Finish();
    }
}

void
Experiment::Finish()
{
    if (Simulator::IsFinished())
    {
        return;
    }
    Simulator::Stop();
    m_findings.endNs = Simulator::Now().GetTimeStep();
    for (const auto& transport : m_transports)
    {
        const homa_host& host = transport->GetHost();
        for (uint32_t i = 0; i < host.rpc_buckets; i++)
        {
            for (const struct homa_host_rpc* rpc = host.rpcs[i]; rpc; rpc = rpc->next)
            {
                auto mine = static_cast<const HomaRpc*>(rpc->message);
                if (mine && mine->IsClient() && IsPending(mine))
                {
                    m_recorder.AddUnfinished(mine->GetSentLength());
                }
            }
        }
    }
}

void
Experiment::Sample()
{
    m_findings.backlog.emplace_back(Simulator::Now().GetTimeStep(),
                                    Backlog(m_clients, m_arrivedBytes));
    if (!m_stopped)
    {
        Simulator::Schedule(NanoSeconds(std::max<uint64_t>(1, m_findings.durationNs / 100)),
                            &Experiment::Sample,
                            this);
    }
}

double
Experiment::GetBacklog(uint32_t quarter) const
{
    double sum = 0;
    uint32_t count = 0;
    for (const auto& [at, bytes] : m_findings.backlog)
    {
        uint64_t since = at - m_startNs;
        if (since * 4 >= quarter * m_findings.durationNs &&
            since * 4 < (quarter + 1) * m_findings.durationNs)
        {
            sum += bytes;
            count++;
        }
    }
    return count ? sum / count : 0;
}

void
Experiment::Progress()
{
    /* A terminal gets one line, again and again; a file a line now and then. */
    static const bool terminal = isatty(STDERR_FILENO);
    m_progressEvents++;
    auto now = std::chrono::steady_clock::now();
    if (now - m_lastProgress >
        (terminal ? std::chrono::milliseconds(500) : std::chrono::seconds(10)))
    {
        double elapsed = std::chrono::duration<double>(now - m_wallStart).count();
        double simulated = Simulator::Now().GetTimeStep();
        double share = simulated / m_stopNs;
        m_lastProgress = now;
        std::fprintf(stderr,
                     "%s%.1f ms simulated, %llu messages measured, %.0f s passed, ",
                     terminal ? "\r" : "",
                     simulated * 1e-6,
                     static_cast<unsigned long long>(m_arrived),
                     elapsed);
        if (m_stopped)
        {
            std::fprintf(stderr,
                         "waiting for %llu messages to finish",
                         static_cast<unsigned long long>(m_findings.issued - m_arrived -
                                                         m_recorder.GetUnfinished()));
        }
        else
        {
            std::fprintf(stderr,
                         "%.1f%%, %.0f s to go",
                         100 * share,
                         share > 0 ? elapsed * (1 - share) / share : 0.0);
        }
        std::fputs(terminal ? "    " : "\n", stderr);
    }
    Simulator::Schedule(NanoSeconds(std::max<uint64_t>(1, m_stopNs / 2000)),
                        &Experiment::Progress,
                        this);
}

void
Experiment::Run()
{
    Simulator::Schedule(NanoSeconds(m_startNs), &Experiment::StartMeasuring, this);
    Simulator::Schedule(NanoSeconds(m_stopNs), &Experiment::StopMeasuring, this);
    Simulator::Schedule(NanoSeconds(m_startNs), &Experiment::Sample, this);
    m_wallStart = std::chrono::steady_clock::now();
    double cpu = CpuSeconds();
    if (!m_options.quiet)
    {
        Simulator::ScheduleNow(&Experiment::Progress, this);
    }
    Simulator::Run();
    m_findings.cpuSeconds = CpuSeconds() - cpu;
    m_findings.wallSeconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - m_wallStart).count();
    if (!m_options.quiet && isatty(STDERR_FILENO))
    {
        std::fprintf(stderr, "\r%100s\r", "");
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    m_findings.peakMegabytes = usage.ru_maxrss * 1024e-6;
    m_findings.events = Simulator::GetEventCount() - m_progressEvents;
    m_findings.drops = m_dropsBefore + m_fabric->GetDrops();
    m_findings.packetHops = m_hopsBefore;
    for (const auto& port : m_fabric->GetPorts())
    {
        m_findings.packetHops += port->GetCounters().TotalPackets();
    }
    for (const auto& transport : m_transports)
    {
        m_findings.dataPackets += transport->GetCounters().packets[0].rcvd;
    }
    for (const auto& client : m_clients)
    {
        m_findings.issuedAll += client->GetIssued();
    }
}

const Options&
Experiment::GetOptions() const
{
    return m_options;
}

const homa_params&
Experiment::GetParameters() const
{
    return m_transports[0]->GetParameters();
}

const struct sampler*
Experiment::GetSizes() const
{
    return &m_sizes;
}

Recorder&
Experiment::GetRecorder()
{
    return m_recorder;
}

const Findings&
Experiment::GetFindings() const
{
    return m_findings;
}

Ptr<Fabric>
Experiment::GetFabric() const
{
    return m_fabric;
}

std::vector<uint64_t>
Experiment::GetCounters() const
{
    std::vector<uint64_t> sum(sizeof(homa_counters) / sizeof(uint64_t));
    for (const auto& transport : m_transports)
    {
        auto counters = reinterpret_cast<const uint64_t*>(&transport->GetCounters());
        for (std::size_t i = 0; i < sum.size(); i++)
        {
            sum[i] += counters[i];
        }
    }
    return sum;
}

const homa_cutoffs&
Experiment::GetCutoffs() const
{
    return m_transports[0]->GetHost().allocator.now;
}

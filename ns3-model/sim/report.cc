/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a simulation prints and writes; see report.h.
 */
#include "report.h"

#include "ns3/fabric-port.h"
#include "ns3/homa-host.h"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <type_traits>
#include <unistd.h>

using namespace ns3;

namespace
{

/** Ends the name of a file until it is whole, so that an earlier one stays until then. */
const char* const PART = ".part";

/** A file being written; what goes wrong is remembered until it is closed. */
class Table
{
  public:
    Table(const std::string& directory, const std::string& name)
        : m_path(directory + "/" + name),
          m_file(std::fopen((m_path + PART).c_str(), "w"))
    {
    }

    ~Table()
    {
        if (m_file)
        {
            std::fclose(m_file);
        }
    }

    template <typename... Args>
    void Line(const char* format, Args... args)
    {
        if (m_file)
        {
            std::fprintf(m_file, format, args...);
            std::fputc('\n', m_file);
        }
    }

    /** \return Empty, or what went wrong. */
    std::string Close()
    {
        bool bad = !m_file || std::ferror(m_file);
        if (m_file)
        {
            bad |= std::fclose(m_file) != 0;
        }
        m_file = nullptr;
        bad = bad || std::rename((m_path + PART).c_str(), m_path.c_str()) != 0;
        return bad ? "cannot write " + m_path + ": " + std::strerror(errno) : "";
    }

  private:
    std::string m_path;
    std::FILE* m_file;
};

void
Figures(Table& table, const Statistics& s, const std::string& left)
{
    if (s.count)
    {
        table.Line("%s\t%" PRIu64 "\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%.4f\t%" PRIu64,
                   left.c_str(),
                   s.count,
                   s.mean,
                   s.p50,
                   s.p90,
                   s.p99,
                   s.p999,
                   s.max,
                   s.unfinished);
    }
    else
    {
        table.Line("%s\t0\t-\t-\t-\t-\t-\t-\t%" PRIu64, left.c_str(), s.unfinished);
    }
}

template <typename... Args>
std::string
Text(const char* format, Args... args)
{
    char text[256];
    std::snprintf(text, sizeof(text), format, args...);
    return text;
}

std::string
WritePercentiles(Experiment& e, const std::string& directory)
{
    Table t(directory, "slowdown-percentiles.tsv");
    t.Line("# slowdown = time / least possible time; each row: messages above the size of the row "
           "before, up to this one");
    t.Line("count_percentile (%%)\tbytes (B)\tcount\tmean\tp50\tp90\tp99\tp999\tmax\tunfinished");
    for (const Statistics& s : e.GetRecorder().ByPercentile(e.GetSizes()))
    {
        Figures(t, s, Text("%g\t%u", s.toPercentile, s.toBytes));
    }
    return t.Close();
}

std::string
WriteBins(Experiment& e, const std::string& directory)
{
    Table t(directory, "slowdown-bins.tsv");
    t.Line("# slowdown = time / least possible time; each row: so many percent of the messages, by "
           "size");
    t.Line("count_percentile_from (%%)\tcount_percentile_to (%%)\tbytes_from (B)\tbytes_to "
           "(B)\tcount\tmean\tp50\tp90\tp99\tp999\tmax\tunfinished");
    for (const Statistics& s : e.GetRecorder().ByBin())
    {
        Figures(
            t,
            s,
            Text("%.4f\t%.4f\t%u\t%u", s.fromPercentile, s.toPercentile, s.fromBytes, s.toBytes));
    }
    return t.Close();
}

std::string
WriteMessages(Experiment& e, const std::string& directory)
{
    Table t(directory, "messages.tsv");
    t.Line(
        "# every measured message that finished, by size; slowdown = time / least possible time");
    t.Line("bytes (B)\tstart (ns)\ttime (ns)\tslowdown\tfrom\tto");
    for (const Recorder::Sample& s : e.GetRecorder().GetSamples())
    {
        t.Line("%u\t%" PRIu64 "\t%" PRIu64 "\t%.5f\t%u\t%u",
               s.bytes,
               s.startNs,
               s.tookNs,
               s.slowdown,
               s.from,
               s.to);
    }
    return t.Close();
}

std::string
WritePorts(Experiment& e, const std::string& directory)
{
    Table t(directory, "ports.tsv");
    std::string header = "port\tutilisation\tqueue_mean (B)\tqueue_max (B)\tdrops\tdropped (B)";
    for (uint32_t i = 0; i < FABRIC_PRIORITIES; i++)
    {
        header += Text("\tp%u (B)", i);
    }
    t.Line("# over the measured time; bytes on the wire; p0 is the lowest priority");
    t.Line("%s", header.c_str());
    const auto& ports = e.GetFabric()->GetPorts();
    for (std::size_t k = 0; k < ports.size(); k++)
    {
        const FabricPortCounters& c = e.GetFindings().ports[k];
        std::string line = Text("%s\t%.6f\t%.1f\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64,
                                ports[k]->GetName().c_str(),
                                c.Utilization(),
                                c.MeanQueueBytes(),
                                c.maxQueueBytes,
                                c.dropPackets,
                                c.dropBytes);
        for (uint32_t i = 0; i < FABRIC_PRIORITIES; i++)
        {
            line += Text("\t%" PRIu64, c.bytes[i]);
        }
        t.Line("%s", line.c_str());
    }
    return t.Close();
}

std::string
WriteCounters(Experiment& e, const std::string& directory)
{
    Table t(directory, "counters.tsv");
    std::vector<uint64_t> sum = e.GetCounters();
    homa_counters c;
    std::memcpy(&c, sum.data(), sizeof(c));
    t.Line("# all hosts, from the start of the simulation to its end");
    t.Line("counter\tvalue\tmeaning");
#define X(name, meaning)                                                                           \
    t.Line("%s\t%" PRIu64 "\t%s", #name, static_cast<uint64_t>(c.name), meaning);
    HOMA_COUNTERS(X)
#undef X
    for (int i = 0; i < HOMA_TYPES; i++)
    {
        t.Line("packets_sent_%s\t%" PRIu64 "\tpackets sent of this type",
               homa_wire_type_name(HOMA_DATA + i),
               static_cast<uint64_t>(c.packets[i].sent));
    }
    for (int i = 0; i < HOMA_TYPES; i++)
    {
        t.Line("packets_rcvd_%s\t%" PRIu64 "\tpackets received of this type",
               homa_wire_type_name(HOMA_DATA + i),
               static_cast<uint64_t>(c.packets[i].rcvd));
    }
    for (int i = 0; i < HOMA_PRIORITIES; i++)
    {
        t.Line("priority%d_bytes\t%" PRIu64 "\tbytes of data sent at this priority",
               i,
               static_cast<uint64_t>(c.priority[i].bytes));
        t.Line("priority%d_packets\t%" PRIu64 "\tDATA packets sent at this priority",
               i,
               static_cast<uint64_t>(c.priority[i].packets));
    }
    for (int i = 1; i < HOMA_DROPS; i++)
    {
        t.Line("packets_dropped_%s\t%" PRIu64 "\tpackets dropped for this reason",
               homa_wire_drop_name(static_cast<enum homa_drop>(i)),
               static_cast<uint64_t>(c.packets_dropped[i]));
    }
    return t.Close();
}

std::string
WriteBacklog(Experiment& e, const std::string& directory)
{
    Table t(directory, "backlog.tsv");
    t.Line("# bytes of requests that were issued and have not arrived, all hosts");
    t.Line("time (ns)\tbacklog (B)");
    for (const auto& [at, bytes] : e.GetFindings().backlog)
    {
        t.Line("%" PRIu64 "\t%.0f", at, bytes);
    }
    return t.Close();
}

std::string
WriteManifest(Experiment& e, const std::string& directory)
{
    Table t(directory, "manifest.tsv");
    const Options& o = e.GetOptions();
    const Findings& f = e.GetFindings();
    const FabricParameters& p = o.parameters;
    auto number = [&t](const char* key, auto value) {
        if constexpr (std::is_integral_v<decltype(value)>)
        {
            t.Line("%s\t%" PRIu64, key, static_cast<uint64_t>(value));
        }
        else
        {
            t.Line("%s\t%.10g", key, value);
        }
    };

    t.Line("key\tvalue");
    t.Line("program\thoma-sim");
    t.Line("version\t%s", SIM_VERSION);
    t.Line("ns3_version\t%s", HOMA_NS3_VERSION);
    t.Line("workload\t%s", o.workload.c_str());
    number("load_target", o.load > 0 ? o.load : f.offeredLoad);
    number("load_offered", f.offeredLoad);
    number("load_carried", f.carriedLoad);
    number("load_delivered", f.deliveredLoad);
    number("goodput", f.goodput);
    t.Line("seed\t%" PRIu64, o.seed);
    t.Line("fabric\t%s", o.fabric.c_str());
    number("racks", p.racks);
    number("hosts_per_rack", p.hostsPerRack);
    number("spines", p.spines);
    number("host_rate_bps", p.hostRate);
    number("uplink_rate_bps", p.uplinkRate);
    number("host_propagation_ns", p.hostPropagationNs);
    number("uplink_propagation_ns", p.uplinkPropagationNs);
    number("switch_delay_ns", p.switchDelayNs);
    number("software_tx_ns", p.softwareTxNs);
    number("nic_tx_ns", p.nicTxNs);
    number("software_rx_ns", p.softwareRxNs);
    number("mtu_bytes", p.mtu);
    t.Line("routing\t%s", p.routing == FabricRouting::ECMP ? "ecmp" : "spray");
    number("port_buffer_bytes", p.portBufferBytes);
    number("shared_buffer_bytes", p.switchBufferBytes);
    number("alpha", p.alpha);
    t.Line("road\t%s", o.road.c_str());
    t.Line("scheduler\t%s", o.scheduler.empty() ? "auto" : o.scheduler.c_str());
    t.Line("protocol\t%s", o.protocol.c_str());
    number("response_bytes", o.responseBytes);
    number("free_responses", o.freeResponses);
    number("messages_per_second_per_host", f.messagesPerSecond);
    number("wire_bytes_per_message", f.wireBytesPerMessage);
    number("messages_asked", o.messages);
    number("drain_ns", f.drainNs);
    number("warmup_ns", f.warmupNs);
    number("measured_ns", f.durationNs);
    number("simulated_ns", f.endNs);
    number("messages_measured", f.issued);
    number("messages_finished", e.GetRecorder().GetCount());
    number("messages_unfinished", e.GetRecorder().GetUnfinished());
    number("messages_issued", f.issuedAll);
    number("rpcs_failed", f.failed);
    number("backlog_start_bytes", f.backlogStart);
    for (uint32_t quarter = 0; quarter < 4; quarter++)
    {
        t.Line("backlog_quarter%u_bytes\t%.10g", quarter + 1, e.GetBacklog(quarter));
    }
    number("backlog_end_bytes", f.backlogEnd);
    number("drops", f.drops);
    number("data_packets", f.dataPackets);
    number("packet_hops", f.packetHops);
    number("events", f.events);
    number("wall_s", f.wallSeconds);
    number("cpu_s", f.cpuSeconds);
    number("cpu_us_per_data_packet", f.dataPackets ? 1e6 * f.cpuSeconds / f.dataPackets : 0);
    number("cpu_ns_per_packet_hop", f.packetHops ? 1e9 * f.cpuSeconds / f.packetHops : 0);
    number("peak_memory_mb", f.peakMegabytes);
#define X(name, def, min, max, unit, meaning) number("param_" #name, e.GetParameters().name);
    HOMA_PARAMS(X)
#undef X
    number("sched_levels_used", e.GetCutoffs().sched_levels);
    for (int i = 0; i < HOMA_PRIORITIES; i++)
    {
        t.Line("cutoff_%d\t%u", i, e.GetCutoffs().cutoff[i]);
    }
    return t.Close();
}

void
PrintRow(const std::string& left, const Statistics& s)
{
    std::printf("%s %9" PRIu64, left.c_str(), s.count);
    for (double value : {s.mean, s.p50, s.p99, s.max})
    {
        std::printf(" %8s", s.count ? Text("%.3f", value).c_str() : "-");
    }
    std::printf(" %8" PRIu64 "\n", s.unfinished);
}

} // namespace

std::string
PrepareReport(const std::string& directory)
{
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error)
    {
        return "cannot make the folder " + directory + ": " + error.message();
    }
    if (access(directory.c_str(), W_OK | X_OK))
    {
        return "cannot write into " + directory + ": " + std::strerror(errno);
    }
    return "";
}

std::string
WriteReport(Experiment& e, const std::string& directory)
{
    for (auto write :
         {WritePercentiles, WriteBins, WritePorts, WriteBacklog, WriteCounters, WriteManifest})
    {
        std::string wrong = write(e, directory);
        if (!wrong.empty())
        {
            return wrong;
        }
    }
    return e.GetOptions().everyMessage ? WriteMessages(e, directory) : "";
}

void
PrintReport(Experiment& e)
{
    const Findings& f = e.GetFindings();
    const Options& o = e.GetOptions();

    const std::string asked = o.load > 0 ? Text(" of %.4f asked", o.load) : "";
    std::printf("%s on %s, %u hosts: load offered %.4f, carried %.4f%s; goodput %.4f\n",
                o.workload.c_str(),
                o.fabric.c_str(),
                e.GetFabric()->GetNHosts(),
                f.offeredLoad,
                f.carriedLoad,
                asked.c_str(),
                f.goodput);
    std::printf("%" PRIu64 " messages measured over %.3f ms after %.3f ms; %" PRIu64
                " unfinished, %" PRIu64 " RPCs failed, %" PRIu64 " packets dropped\n",
                f.issued,
                f.durationNs * 1e-6,
                f.warmupNs * 1e-6,
                e.GetRecorder().GetUnfinished(),
                f.failed,
                f.drops);
    double kilo = 1000.0 * e.GetFabric()->GetNHosts();
    std::printf("backlog per host by quarter of that time: %.1f, %.1f, %.1f, %.1f KB; rack-to-host "
                "queue: mean %.1f KB, largest %.1f KB\n",
                e.GetBacklog(0) / kilo,
                e.GetBacklog(1) / kilo,
                e.GetBacklog(2) / kilo,
                e.GetBacklog(3) / kilo,
                f.toHosts.MeanQueueBytes() / 1000,
                f.toHosts.maxQueueBytes / 1000.0);
    if (f.failed)
    {
        std::printf("note: RPCs failed; the table's last column counts those whose request never "
                    "arrived\n");
    }
    if (f.carriedLoad < 0.97 * f.offeredLoad)
    {
        std::printf(
            "note: less was carried than offered: the network was still filling, or a link of it "
            "is "
            "overloaded; raise --warmup and --messages, and if that does not help, lower --load\n");
    }
    std::printf("%.1f s of CPU for %" PRIu64
                " data packets: %.2f us each, %.0f ns per packet-hop; %.0f MB\n\n",
                f.cpuSeconds,
                f.dataPackets,
                f.dataPackets ? 1e6 * f.cpuSeconds / f.dataPackets : 0.0,
                f.packetHops ? 1e9 * f.cpuSeconds / f.packetHops : 0.0,
                f.peakMegabytes);
    std::printf("%7s %10s %9s %8s %8s %8s %8s %8s\n",
                "% up to",
                "bytes",
                "messages",
                "mean",
                "P50",
                "P99",
                "max",
                "unfin.");
    for (const Statistics& s : e.GetRecorder().ByPercentile(e.GetSizes()))
    {
        PrintRow(Text("%7g %10u", s.toPercentile, s.toBytes), s);
    }
    PrintRow(Text("%7s %10s", "all", ""), e.GetRecorder().Overall());
}

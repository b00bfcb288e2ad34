/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Puts Homa on nodes; see homa-helper.h.
 */
#include "homa-helper.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/global-value.h"
#include "ns3/homa-fabric-output.h"
#include "ns3/homa-host.h"
#include "ns3/homa-l4-protocol.h"
#include "ns3/homa-socket-factory.h"
#include "ns3/ipv4.h"
#include "ns3/ipv6.h"
#include "ns3/leaf-spine-helper.h"
#include "ns3/pcap-file-wrapper.h"
#include "ns3/simulator.h"
#include "ns3/trace-helper.h"

#include <map>

namespace ns3
{

/**
 * Put Homa on a node with an IP stack.
 * \param node The node.
 * \param transport Its transport.
 * \return What joins them.
 */
static Ptr<HomaL4Protocol>
Join(Ptr<Node> node, Ptr<HomaTransport> transport)
{
    Ptr<HomaL4Protocol> l4 = CreateObject<HomaL4Protocol>();
    node->AggregateObject(transport);
    node->AggregateObject(l4);
    node->AggregateObject(CreateObject<HomaSocketFactory>());
    return l4;
}

/**
 * Abort unless there is a transport for each host of a fabric.
 * \param fabric The fabric.
 * \param transports The transports.
 */
static void
CheckTransports(Ptr<Fabric> fabric, const std::vector<Ptr<HomaTransport>>& transports)
{
    NS_ABORT_MSG_IF(transports.size() != fabric->GetNHosts(),
                    "HomaHelper: " << transports.size() << " transports for a fabric of "
                                   << fabric->GetNHosts() << " hosts");
}

/**
 * Trace sink: write a datagram to a file.
 * \param file The file.
 * \param datagram The datagram.
 */
static void
WritePcap(Ptr<PcapFileWrapper> file, Ptr<const Packet> datagram)
{
    file->Write(Simulator::Now(), datagram);
}

HomaHelper::HomaHelper()
{
    m_transport.SetTypeId(HomaTransport::GetTypeId());
}

std::string
HomaHelper::FastestScheduler()
{
    return "ns3::FabricScheduler";
}

void
HomaHelper::UsePublished(homa_params& params, const std::string& workload)
{
    static const std::map<std::string, uint32_t> levels =
        {{"w1", 1}, {"w1s", 1}, {"w2", 3}, {"w3", 4}, {"w4", 7}, {"w5", 7}};
    const auto known = levels.find(workload);
    params.unsched_bytes = 9328;
    params.window = 9968;
    params.grant_step = 1;
    params.tail_bytes = 10000;
    params.unsched_by_remaining = 1;
    params.max_incoming = HOMA_MESSAGE_CEILING;
    params.max_overcommit = known == levels.end() ? 7 : known->second;
    params.sched_levels = known == levels.end() ? 0 : known->second;
    params.grant_fifo_fraction = 0;
    params.pacer_fifo_fraction = 0;
    params.defer_min_bytes = 0;
    params.max_nic_queue_usecs = 0;
    params.max_link_usage = 100;
    params.max_message = HOMA_MESSAGE_CEILING;
    params.cutoff_interval = 0;
}

void
HomaHelper::SetAttribute(const std::string& name, const AttributeValue& value)
{
    m_transport.Set(name, value);
}

void
HomaHelper::Install(const NodeContainer& nodes) const
{
    for (auto node = nodes.Begin(); node != nodes.End(); ++node)
    {
        NS_ABORT_MSG_UNLESS((*node)->GetObject<Ipv4>() || (*node)->GetObject<Ipv6>(),
                            "HomaHelper: install an InternetStack on node " << (*node)->GetId()
                                                                            << " first");
        NS_ABORT_MSG_IF((*node)->GetObject<HomaTransport>(),
                        "HomaHelper: node " << (*node)->GetId() << " has Homa already");
        Join(*node, m_transport.Create<HomaTransport>());
    }
}

void
HomaHelper::InstallLean(Ptr<Fabric> fabric, const std::vector<Ptr<HomaTransport>>& transports) const
{
    CheckTransports(fabric, transports);
    for (uint32_t i = 0; i < fabric->GetNHosts(); i++)
    {
        Ptr<HomaFabricOutput> output = CreateObject<HomaFabricOutput>();
        Ptr<Node> node = fabric->GetNode(i);
        node->AggregateObject(transports[i]);
        node->AggregateObject(output);
        node->AggregateObject(CreateObject<HomaSocketFactory>());
        output->Install(transports[i], fabric->GetDevice(i));
    }
}

void
HomaHelper::InstallIp(Ptr<Fabric> fabric, const std::vector<Ptr<HomaTransport>>& transports) const
{
    CheckTransports(fabric, transports);
    LeafSpineHelper::InstallInternet(fabric);
    for (uint32_t i = 0; i < fabric->GetNHosts(); i++)
    {
        Join(fabric->GetNode(i), transports[i])->Start();
    }
}

std::vector<Ptr<HomaTransport>>
HomaHelper::MakeTransports(Ptr<Fabric> fabric) const
{
    std::vector<Ptr<HomaTransport>> transports;
    for (uint32_t i = 0; i < fabric->GetNHosts(); i++)
    {
        transports.push_back(m_transport.Create<HomaTransport>());
    }
    return transports;
}

std::vector<Ptr<HomaTransport>>
HomaHelper::InstallLean(Ptr<Fabric> fabric) const
{
    const std::vector<Ptr<HomaTransport>> transports = MakeTransports(fabric);
    InstallLean(fabric, transports);
    return transports;
}

std::vector<Ptr<HomaTransport>>
HomaHelper::InstallIp(Ptr<Fabric> fabric) const
{
    const std::vector<Ptr<HomaTransport>> transports = MakeTransports(fabric);
    InstallIp(fabric, transports);
    return transports;
}

void
HomaHelper::EnablePcap(const std::string& prefix, Ptr<Fabric> fabric) const
{
    /* Without it, ns-3's IP stacks leave checksums zero and dissectors complain. */
    GlobalValue::Bind("ChecksumEnabled", BooleanValue(true));
    for (uint32_t i = 0; i < fabric->GetNHosts(); i++)
    {
        std::string name = prefix + "-" + std::to_string(i) + ".pcap";
        Ptr<PcapFileWrapper> file = CreateObject<PcapFileWrapper>();
        file->SetAttribute("NanosecMode", BooleanValue(true));
        file->Open(name, std::ios::out);
        NS_ABORT_MSG_IF(file->Fail(), "HomaHelper: cannot write " << name);
        file->Init(PcapHelper::DLT_RAW);
        fabric->GetDevice(i)->TraceConnectWithoutContext("PromiscSniffer",
                                                         MakeBoundCallback(&WritePcap, file));
    }
}

} // namespace ns3

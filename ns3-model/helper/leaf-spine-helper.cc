/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Builds leaf-spine fabrics, from presets or from one's own figures.
 */
#include "leaf-spine-helper.h"

#include "ns3/abort.h"
#include "ns3/boolean.h"
#include "ns3/icmpv6-l4-protocol.h"
#include "ns3/internet-stack-helper.h"
#include "ns3/ipv4-static-routing-helper.h"
#include "ns3/ipv4.h"
#include "ns3/ipv6.h"
#include "ns3/node.h"

namespace ns3
{

namespace
{

constexpr uint64_t MIN_RATE = 1000000;         //!< Slowest link, bit/s.
constexpr uint64_t MAX_RATE = 1600000000000;   //!< Fastest link, bit/s.
constexpr uint64_t MAX_DELAY = 1000000000;     //!< Longest delay, ns.
constexpr uint32_t MAX_RACKS = 256;            //!< The second octet of the IPv4 addresses.
constexpr uint32_t MAX_HOSTS_PER_RACK = 16000; //!< The last two octets.
constexpr uint32_t MIN_MTU = 1280;             //!< Smallest that IPv6 allows.
constexpr uint32_t MAX_MTU = 65535;            //!< Largest IP datagram.

/**
 * \param name Of a figure.
 * \param value Its value.
 * \param min Least allowed.
 * \param max Most allowed.
 * \return Empty, or what is wrong.
 */
std::string
CheckRange(const std::string& name, uint64_t value, uint64_t min, uint64_t max)
{
    if (value >= min && value <= max)
    {
        return "";
    }
    return name + " is " + std::to_string(value) + "; it must be " + std::to_string(min) + " to " +
           std::to_string(max);
}

} // namespace

LeafSpineHelper::LeafSpineHelper()
{
}

std::vector<std::string>
LeafSpineHelper::GetPresets()
{
    return {"sigcomm18", "atc21", "c6620"};
}

std::string
LeafSpineHelper::SetPreset(const std::string& name)
{
    FabricParameters p;
    if (name == "sigcomm18")
    {
        p.racks = 9;
        p.hostsPerRack = 16;
        p.spines = 4;
    }
    else if (name == "atc21")
    {
        p.hostsPerRack = 40;
        p.hostRate = 25000000000;
        p.mtu = 3000;
        p.switchDelayNs = 300;
        p.softwareTxNs = 2500;
        p.nicTxNs = 1000;
        p.softwareRxNs = 3600;
    }
    else if (name == "c6620")
    {
        p.hostsPerRack = 16;
        p.hostRate = 100000000000;
        p.switchDelayNs = 300;
        p.softwareTxNs = 1700;
        p.nicTxNs = 700;
        p.softwareRxNs = 2400;
    }
    else
    {
        std::string names;
        for (const auto& preset : GetPresets())
        {
            names += (names.empty() ? "" : ", ") + preset;
        }
        return "no fabric is called '" + name + "'; there are " + names;
    }
    m_parameters = p;
    return "";
}

FabricParameters&
LeafSpineHelper::Parameters()
{
    return m_parameters;
}

std::string
LeafSpineHelper::Check() const
{
    const FabricParameters& p = m_parameters;

    const struct
    {
        const char* name;
        uint64_t value;
        uint64_t min;
        uint64_t max;
    } ranges[] = {
        {"number of racks", p.racks, 1, MAX_RACKS},
        {"number of hosts per rack", p.hostsPerRack, 1, MAX_HOSTS_PER_RACK},
        {"number of spines", p.spines, 0, 1024},
        {"host link rate (bit/s)", p.hostRate, MIN_RATE, MAX_RATE},
        {"uplink rate (bit/s)", p.uplinkRate, MIN_RATE, MAX_RATE},
        {"propagation delay of host links (ns)", p.hostPropagationNs, 0, MAX_DELAY},
        {"propagation delay of uplinks (ns)", p.uplinkPropagationNs, 0, MAX_DELAY},
        {"switch delay (ns)", p.switchDelayNs, 0, MAX_DELAY},
        {"software delay when sending (ns)", p.softwareTxNs, 0, MAX_DELAY},
        {"card delay when sending (ns)", p.nicTxNs, 0, MAX_DELAY},
        {"software delay when receiving (ns)", p.softwareRxNs, 0, MAX_DELAY},
        {"MTU", p.mtu, MIN_MTU, MAX_MTU},
    };

    for (const auto& range : ranges)
    {
        const std::string wrong = CheckRange(range.name, range.value, range.min, range.max);
        if (!wrong.empty())
        {
            return wrong;
        }
    }
    if (uint64_t(p.racks) * p.hostsPerRack < 2)
    {
        return "one host alone is no network; give at least two";
    }
    if (uint64_t(p.racks) * p.hostsPerRack > FABRIC_MAX_HOSTS)
    {
        return "a fabric has at most " + std::to_string(FABRIC_MAX_HOSTS) + " hosts, not " +
               std::to_string(p.racks) + " racks of " + std::to_string(p.hostsPerRack);
    }
    if (p.racks > 1 && !p.spines)
    {
        return "several racks need at least one spine to connect them";
    }
    const uint64_t largest = FabricPacket::WireBytes(p.mtu);
    if (p.portBufferBytes && p.portBufferBytes < largest)
    {
        return "port buffers of " + std::to_string(p.portBufferBytes) +
               " bytes cannot hold a full packet of " + std::to_string(largest) +
               " (0 means no limit)";
    }
    if (p.switchBufferBytes)
    {
        if (!(p.alpha > 0) || p.alpha > 1024)
        {
            return "alpha of the shared buffer must be above 0 and at most 1024";
        }
        if (p.alpha * double(p.switchBufferBytes) < double(largest) ||
            p.switchBufferBytes < largest)
        {
            return "a shared buffer of " + std::to_string(p.switchBufferBytes) +
                   " bytes leaves no port room for a full packet of " + std::to_string(largest) +
                   " (0 means not shared)";
        }
    }
    return "";
}

Ptr<Fabric>
LeafSpineHelper::Build()
{
    const std::string wrong = Check();
    NS_ABORT_MSG_IF(!wrong.empty(), wrong);
    NodeContainer nodes;
    nodes.Create(m_parameters.racks * m_parameters.hostsPerRack);
    return Build(nodes);
}

Ptr<Fabric>
LeafSpineHelper::Build(const NodeContainer& nodes)
{
    const std::string wrong = Check();
    NS_ABORT_MSG_IF(!wrong.empty(), wrong);
    Ptr<Fabric> fabric = CreateObject<Fabric>();
    fabric->Build(m_parameters, std::vector<Ptr<Node>>(nodes.Begin(), nodes.End()));
    return fabric;
}

void
LeafSpineHelper::InstallInternet(Ptr<Fabric> fabric)
{
    InternetStackHelper stack;
    Ipv4StaticRoutingHelper routing;
    stack.SetRoutingHelper(routing);
    stack.SetIpv4ArpJitter(false);
    stack.SetIpv6NsRsJitter(false);
    for (uint32_t h = 0; h < fabric->GetNHosts(); h++)
    {
        Ptr<Node> node = fabric->GetNode(h);
        Ptr<NetDevice> device = fabric->GetDevice(h);
        if (!node->GetObject<Ipv4>() && !node->GetObject<Ipv6>())
        {
            stack.Install(node);
        }
        if (Ptr<Ipv4> ipv4 = node->GetObject<Ipv4>())
        {
            const uint32_t i = ipv4->AddInterface(device);
            ipv4->AddAddress(
                i,
                Ipv4InterfaceAddress(fabric->GetIpv4Address(h), Ipv4Mask("255.0.0.0")));
            ipv4->SetUp(i);
        }
        if (Ptr<Ipv6> ipv6 = node->GetObject<Ipv6>())
        {
            // Every address is unique by construction, and a tentative one is of no use for a
            // second.
            if (Ptr<Icmpv6L4Protocol> icmpv6 = node->GetObject<Icmpv6L4Protocol>())
            {
                icmpv6->SetAttribute("DAD", BooleanValue(false));
            }
            const uint32_t i = ipv6->AddInterface(device);
            ipv6->AddAddress(i, Ipv6InterfaceAddress(fabric->GetIpv6Address(h), Ipv6Prefix(64)));
            ipv6->SetUp(i);
        }
    }
}

} // namespace ns3

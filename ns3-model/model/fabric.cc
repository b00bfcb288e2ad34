/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Construction of a leaf-spine fabric, its maps of addresses, and its unloaded delays.
 */
#include "fabric.h"

#include "fabric-ahead.h"

#include "ns3/abort.h"
#include "ns3/ipv4.h"
#include "ns3/ipv6.h"
#include "ns3/rng-seed-manager.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <initializer_list>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(Fabric);

namespace
{

constexpr uint32_t HOSTS_PER_OCTET = 250; //!< Hosts numbered by the last octet of an IPv4 address.

/**
 * Refuse defaults, set with Config::SetDefault() or on the command line, that a fabric's parameters
 * would overrule.
 * \param type Whose attributes.
 * \param names Of the attributes.
 */
void
RefuseDefaults(TypeId type, std::initializer_list<const char*> names)
{
    for (const char* name : names)
    {
        TypeId::AttributeInformation info;
        type.LookupAttributeByName(name, &info);
        NS_ABORT_MSG_IF(info.initialValue->SerializeToString(info.checker) !=
                            info.originalInitialValue->SerializeToString(info.checker),
                        "a default of " << type.GetName() << "::" << name
                                        << " has no effect on a fabric: set it with "
                                           "LeafSpineHelper::Parameters()");
    }
}

} // namespace

TypeId
Fabric::GetTypeId()
{
    static TypeId tid =
        TypeId("ns3::Fabric").SetParent<Object>().SetGroupName("Homa").AddConstructor<Fabric>();
    return tid;
}

Fabric::Fabric()
{
}

Fabric::~Fabric()
{
}

void
Fabric::DoDispose()
{
    m_nodes.clear();
    m_devices.clear();
    m_ports.clear();
    Object::DoDispose();
}

Ptr<FabricPort>
Fabric::MakePort(uint64_t rate, const std::string& name)
{
    Ptr<FabricPort> port = CreateObject<FabricPort>();
    port->SetRate(rate);
    port->SetName(name);
    return port;
}

void
Fabric::Build(const FabricParameters& parameters, const std::vector<Ptr<Node>>& nodes)
{
    NS_ABORT_MSG_IF(!m_devices.empty(), "this fabric has been built already");
    NS_ABORT_MSG_IF(Time::GetResolution() != Time::NS,
                    "the fabric counts time in ns: leave Time::SetResolution() at Time::NS");
    RefuseDefaults(FabricNetDevice::GetTypeId(),
                   {"Mtu", "SoftwareTxDelay", "NicTxDelay", "SoftwareRxDelay"});
    RefuseDefaults(FabricPort::GetTypeId(), {"DataRate"});
    m_parameters = parameters;
    m_nodes = nodes;
    const FabricParameters& p = m_parameters;
    const uint32_t nHosts = p.racks * p.hostsPerRack;
    NS_ABORT_MSG_IF(nodes.size() != nHosts, "the fabric needs one node for each host");
    NS_ABORT_MSG_IF(nHosts > FABRIC_MAX_HOSTS,
                    "a fabric has at most " << FABRIC_MAX_HOSTS << " hosts");
    m_rackOfHost.resize(nHosts);
    m_indexInRack.resize(nHosts);
    for (uint32_t h = 0; h < nHosts; h++)
    {
        m_rackOfHost[h] = h / p.hostsPerRack;
        m_indexInRack[h] = h % p.hostsPerRack;
    }

    const uint64_t seed = (uint64_t(RngSeedManager::GetSeed()) << 32) + RngSeedManager::GetRun();
    for (uint32_t r = 0; r < p.racks; r++)
    {
        m_switches.push_back(std::make_unique<FabricSwitch>(r * p.hostsPerRack, p.hostsPerRack, 1));
    }
    for (uint32_t s = 0; s < p.spines; s++)
    {
        m_switches.push_back(std::make_unique<FabricSwitch>(0, nHosts, p.hostsPerRack));
    }
    for (uint32_t i = 0; i < m_switches.size(); i++)
    {
        m_switches[i]->SetRouting(p.routing, seed + i * 0xd1342543de82ef95ULL);
    }

    if (nHosts >= FabricAhead::HOSTS)
    {
        FabricAhead::Begin();
    }
    for (uint32_t h = 0; h < nHosts; h++)
    {
        Ptr<FabricNetDevice> device = CreateObject<FabricNetDevice>();
        device->Attach(this, h);
        nodes[h]->AddDevice(device);
        Ptr<FabricPort> port = device->GetPort();
        port->SetRate(p.hostRate);
        port->SetName("host " + std::to_string(h) + " -> rack " + std::to_string(m_rackOfHost[h]));
        port->Connect(m_switches[m_rackOfHost[h]].get(),
                      p.hostPropagationNs + p.switchDelayNs,
                      Simulator::NO_CONTEXT);
        m_devices.push_back(device);
        m_ports.push_back(port);
        m_ipv4Addresses.push_back(GetIpv4Address(h).Get());
        m_ipv4Hosts[m_ipv4Addresses.back()] = h;
        m_ipv6Hosts[GetIpv6Address(h)] = h;
    }
    for (uint32_t h = 0; h < nHosts; h++)
    {
        Ptr<FabricPort> port =
            MakePort(p.hostRate,
                     "rack " + std::to_string(m_rackOfHost[h]) + " -> host " + std::to_string(h));
        port->Connect(m_devices[h]->GetSink(),
                      p.hostPropagationNs + p.softwareRxNs,
                      nodes[h]->GetId());
        port->SetLimit(p.portBufferBytes);
        m_switches[m_rackOfHost[h]]->AddDown(PeekPointer(port));
        m_ports.push_back(port);
    }
    for (uint32_t r = 0; r < p.racks; r++)
    {
        for (uint32_t s = 0; s < p.spines; s++)
        {
            Ptr<FabricPort> port =
                MakePort(p.uplinkRate,
                         "rack " + std::to_string(r) + " -> spine " + std::to_string(s));
            port->Connect(m_switches[p.racks + s].get(),
                          p.uplinkPropagationNs + p.switchDelayNs,
                          Simulator::NO_CONTEXT);
            port->SetLimit(p.portBufferBytes);
            m_switches[r]->AddUp(PeekPointer(port));
            m_ports.push_back(port);
        }
    }
    for (uint32_t s = 0; s < p.spines; s++)
    {
        for (uint32_t r = 0; r < p.racks; r++)
        {
            Ptr<FabricPort> port =
                MakePort(p.uplinkRate,
                         "spine " + std::to_string(s) + " -> rack " + std::to_string(r));
            port->Connect(m_switches[r].get(),
                          p.uplinkPropagationNs + p.switchDelayNs,
                          Simulator::NO_CONTEXT);
            port->SetLimit(p.portBufferBytes);
            m_switches[p.racks + s]->AddDown(PeekPointer(port));
            m_ports.push_back(port);
        }
    }
    if (p.switchBufferBytes)
    {
        for (auto& fabricSwitch : m_switches)
        {
            fabricSwitch->ShareBuffer(p.switchBufferBytes, p.alpha);
        }
    }
}

const FabricParameters&
Fabric::GetParameters() const
{
    return m_parameters;
}

uint32_t
Fabric::GetNHosts() const
{
    return m_rackOfHost.size();
}

Ptr<FabricNetDevice>
Fabric::GetDevice(uint32_t host) const
{
    return m_devices.at(host);
}

Ptr<Node>
Fabric::GetNode(uint32_t host) const
{
    return m_nodes.at(host);
}

uint32_t
Fabric::GetRack(uint32_t host) const
{
    return m_rackOfHost.at(host);
}

Ipv4Address
Fabric::GetIpv4Address(uint32_t host) const
{
    const uint32_t h = m_indexInRack.at(host);
    return Ipv4Address(10U << 24 | m_rackOfHost[host] << 16 | (h / HOSTS_PER_OCTET) << 8 |
                       (h % HOSTS_PER_OCTET + 1));
}

const uint32_t*
Fabric::GetIpv4Addresses() const
{
    return m_ipv4Addresses.data();
}

Ipv6Address
Fabric::GetIpv6Address(uint32_t host) const
{
    const uint32_t h = m_indexInRack.at(host) + 1;
    const uint32_t rack = m_rackOfHost[host];
    uint8_t bytes[16] = {0xfd};
    bytes[12] = rack >> 8;
    bytes[13] = rack & 0xff;
    bytes[14] = h >> 8;
    bytes[15] = h & 0xff;
    return Ipv6Address(bytes);
}

void
Fabric::LearnAddresses()
{
    for (uint32_t h = 0; h < m_devices.size(); h++)
    {
        Ptr<Ipv4> ipv4 = m_nodes[h]->GetObject<Ipv4>();
        const int32_t i4 = ipv4 ? ipv4->GetInterfaceForDevice(m_devices[h]) : -1;
        for (uint32_t a = 0; i4 >= 0 && a < ipv4->GetNAddresses(i4); a++)
        {
            m_ipv4Hosts[ipv4->GetAddress(i4, a).GetLocal().Get()] = h;
        }
        Ptr<Ipv6> ipv6 = m_nodes[h]->GetObject<Ipv6>();
        const int32_t i6 = ipv6 ? ipv6->GetInterfaceForDevice(m_devices[h]) : -1;
        for (uint32_t a = 0; i6 >= 0 && a < ipv6->GetNAddresses(i6); a++)
        {
            m_ipv6Hosts[ipv6->GetAddress(i6, a).GetAddress()] = h;
        }
    }
}

uint32_t
Fabric::FindHost(Ipv4Address address)
{
    auto found = m_ipv4Hosts.find(address.Get());
    if (found == m_ipv4Hosts.end())
    {
        LearnAddresses();
        found = m_ipv4Hosts.find(address.Get());
    }
    return found == m_ipv4Hosts.end() ? FABRIC_NO_HOST : found->second;
}

uint32_t
Fabric::FindHost(Ipv6Address address)
{
    auto found = m_ipv6Hosts.find(address);
    if (found == m_ipv6Hosts.end())
    {
        LearnAddresses();
        found = m_ipv6Hosts.find(address);
    }
    return found == m_ipv6Hosts.end() ? FABRIC_NO_HOST : found->second;
}

const std::vector<Ptr<FabricPort>>&
Fabric::GetPorts() const
{
    return m_ports;
}

std::vector<Ptr<FabricPort>>
Fabric::GetPorts(FabricRole role) const
{
    const uint32_t hosts = GetNHosts();
    const uint32_t uplinks = m_parameters.racks * m_parameters.spines;
    const uint32_t first[] = {0, hosts, 2 * hosts, 2 * hosts + uplinks, 2 * hosts + 2 * uplinks};
    const auto i = static_cast<uint32_t>(role);
    if (m_ports.empty())
    {
        return {};
    }
    return {m_ports.begin() + first[i], m_ports.begin() + first[i + 1]};
}

Ptr<FabricPort>
Fabric::GetPort(FabricRole role, uint32_t a, uint32_t b) const
{
    const uint32_t hosts = GetNHosts();
    const uint32_t racks = m_parameters.racks;
    const uint32_t spines = m_parameters.spines;
    if (m_ports.empty())
    {
        return nullptr;
    }
    switch (role)
    {
    case FabricRole::HOST_UP:
        return a < hosts ? m_ports[a] : nullptr;
    case FabricRole::RACK_DOWN:
        return a < hosts ? m_ports[hosts + a] : nullptr;
    case FabricRole::RACK_UP:
        return a < racks && b < spines ? m_ports[2 * hosts + a * spines + b] : nullptr;
    case FabricRole::SPINE_DOWN:
        return a < spines && b < racks ? m_ports[2 * hosts + racks * spines + a * racks + b]
                                       : nullptr;
    }
    return nullptr;
}

FabricPortCounters
Fabric::GetCounters(FabricRole role) const
{
    FabricPortCounters sum;
    for (const auto& port : GetPorts(role))
    {
        sum.Add(port->GetCounters());
    }
    return sum;
}

void
Fabric::ResetCounters()
{
    for (const auto& port : m_ports)
    {
        port->ResetCounters();
    }
    for (const auto& fabricSwitch : m_switches)
    {
        if (fabricSwitch->GetBuffer())
        {
            fabricSwitch->GetBuffer()->ResetMax();
        }
    }
}

uint64_t
Fabric::GetDrops() const
{
    uint64_t drops = 0;
    for (const auto& port : m_ports)
    {
        drops += port->GetCounters().dropPackets;
    }
    return drops;
}

uint64_t
Fabric::GetUnroutable() const
{
    uint64_t sum = 0;
    for (const auto& device : m_devices)
    {
        sum += device->GetUnroutable();
    }
    for (const auto& fabricSwitch : m_switches)
    {
        sum += fabricSwitch->GetUnroutable();
    }
    return sum;
}

const std::vector<std::unique_ptr<FabricSwitch>>&
Fabric::GetSwitches() const
{
    return m_switches;
}

uint64_t
Fabric::GetUnloadedNs(uint32_t src,
                      uint32_t dst,
                      uint64_t fullPackets,
                      uint32_t fullWireBytes,
                      uint32_t lastWireBytes) const
{
    if (!lastWireBytes)
    {
        if (!fullPackets)
        {
            return 0;
        }
        fullPackets--;
        lastWireBytes = fullWireBytes;
    }
    const uint64_t n = fullPackets;
    const FabricPort* links[4];
    uint32_t hops = 0;
    links[hops++] = PeekPointer(m_ports.at(src));
    const bool crossing = m_rackOfHost.at(src) != m_rackOfHost.at(dst);
    if (crossing)
    {
        links[hops++] = PeekPointer(GetPort(FabricRole::RACK_UP, m_rackOfHost[src], 0));
        links[hops++] = PeekPointer(GetPort(FabricRole::SPINE_DOWN, 0, m_rackOfHost[dst]));
    }
    links[hops++] = PeekPointer(m_ports[GetNHosts() + dst]);
    const uint64_t lead = links[0]->GetLeadNs();

    const uint64_t paths =
        crossing && m_parameters.routing == FabricRouting::SPRAY ? m_parameters.spines : 1;
    if (paths == 1)
    {
        // A chain of links. Full packet i has left link h at the time the first one has, plus i
        // times the slowest transmission up to there; the last packet waits for the last full one.
        uint64_t first = lead;
        uint64_t slowest = 0;
        uint64_t last = lead;
        for (uint32_t h = 0; h < hops; h++)
        {
            if (n)
            {
                const uint64_t tx = links[h]->TxNs(fullWireBytes);
                first += tx;
                slowest = std::max(slowest, tx);
                last = std::max(last, first + (n - 1) * slowest);
                first += links[h]->GetDelayNs();
            }
            last += links[h]->TxNs(lastWireBytes) + links[h]->GetDelayNs();
        }
        return last;
    }

    // Full packet i takes path i modulo their number. If the paths together are slower than the
    // host's link, each round of full packets lags behind the one before by that much more.
    const uint64_t txHost = links[0]->TxNs(fullWireBytes);
    const uint64_t txUp = links[1]->TxNs(fullWireBytes);
    const uint64_t lag = txUp > paths * txHost ? txUp - paths * txHost : 0;
    const uint64_t lastHost = links[0]->TxNs(lastWireBytes);
    const uint64_t lastUp = links[1]->TxNs(lastWireBytes);
    const uint64_t toRack = lead + links[0]->GetDelayNs();
    const uint64_t upDelay = links[1]->GetDelayNs();
    const uint64_t downDelay = links[2]->GetDelayNs();
    auto upStart = [&](uint64_t i) { return toRack + (i + 1) * txHost + i / paths * lag; };
    auto arrival = [&](uint64_t i) { return upStart(i) + 2 * txUp + upDelay + downDelay; };
    // The last packet up to the queue of its destination's rack: on a path that the full ones can
    // spare, or else on that of the full one sent longest ago.
    const bool behind = n >= paths && (paths - 1) * txHost < txUp;
    uint64_t last = toRack + n * txHost + lastHost;
    if (behind)
    {
        last = std::max(last, upStart(n - paths) + txUp);
    }
    last += lastUp + upDelay;
    if (behind)
    {
        last = std::max(last, upStart(n - paths) + 2 * txUp + upDelay);
    }
    last += lastUp + downDelay;
    // There, full packets of a block come without a gap: all of them, or those of one round. A
    // short last packet may have overtaken those of the last block on its own path.
    const uint64_t block = lag ? n % paths : n;
    uint64_t done = last + lastHost;
    if (block && last < arrival(n - block))
    {
        if (n > block)
        {
            done = std::max(done, arrival(n - block - 1) + txHost + lastHost);
        }
        done = std::max(done, arrival(n - block)) + block * txHost;
    }
    else if (n)
    {
        done = std::max(last, arrival(n - 1) + txHost) + lastHost;
    }
    return done + links[3]->GetDelayNs();
}

} // namespace ns3

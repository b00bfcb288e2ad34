/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Choice of the output port.
 */
#include "fabric-switch.h"

#include "ns3/abort.h"

namespace ns3
{

FabricSwitch::FabricSwitch(uint32_t firstHost, uint32_t nHosts, uint32_t hostsPerPort)
    : m_firstHost(firstHost),
      m_nHosts(nHosts),
      m_hostsPerPort(hostsPerPort)
{
}

void
FabricSwitch::Add(std::vector<FabricPort*>& ports, FabricPort* port)
{
    // The arena gives ports that are made one after another memory in that order. Then the place of
    // one follows from its number, and no table has to come into the caches.
    m_inRow = m_inRow && (ports.empty() || port == ports.back() + 1);
    ports.push_back(port);
}

void
FabricSwitch::AddDown(FabricPort* port)
{
    Add(m_down, port);
    m_firstDown = m_down.front();
}

void
FabricSwitch::AddUp(FabricPort* port)
{
    Add(m_up, port);
    NS_ABORT_MSG_IF(m_up.size() > UINT16_MAX, "a switch has at most 65535 uplinks");
    m_firstUp = m_up.front();
    m_nUp = m_up.size();
}

void
FabricSwitch::SetRouting(FabricRouting routing, uint64_t seed)
{
    m_routing = routing;
    m_expectedPacket = nullptr;
    m_random = seed;
}

void
FabricSwitch::ShareBuffer(uint64_t bytes, double alpha)
{
    m_buffer = std::make_unique<FabricBuffer>(bytes, alpha);
    for (FabricPort* port : m_down)
    {
        port->SetBuffer(m_buffer.get());
    }
    for (FabricPort* port : m_up)
    {
        port->SetBuffer(m_buffer.get());
    }
}

FabricBuffer*
FabricSwitch::GetBuffer() const
{
    return m_buffer.get();
}

uint64_t
FabricSwitch::GetUnroutable() const
{
    return m_unroutable;
}

uint32_t
FabricSwitch::PeekRandom() const
{
    uint64_t x = m_random + RANDOM_STEP;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return uint32_t((x ^ (x >> 31)) >> 32);
}

FabricPort*
FabricSwitch::PortFor(const FabricPacket* packet) const
{
    const uint32_t below = packet->dst - m_firstHost;
    if (below < m_nHosts)
    {
        const uint32_t index = below / m_hostsPerPort;
        return m_inRow ? m_firstDown + index : m_down[index];
    }
    if (m_nUp == 0)
    {
        return nullptr;
    }
    const uint32_t x = m_routing == FabricRouting::SPRAY ? PeekRandom() : packet->hash;
    const uint32_t index = (uint64_t(x) * m_nUp) >> 32;
    return m_inRow ? m_firstUp + index : m_up[index];
}

void
FabricSwitch::Expect(const FabricPacket* packet) const
{
    m_expectedPacket = packet;
    m_expectedPort = PortFor(packet);
    if (m_expectedPort)
    {
        m_expectedPort->Prefetch();
    }
}

void
FabricSwitch::Receive(FabricPacket* packet, uint64_t now)
{
    FabricPort* port = m_expectedPacket == packet ? m_expectedPort : PortFor(packet);
    m_expectedPacket = nullptr;
    if (IsSprayed(packet))
    {
        // What was expected of another packet has been drawn for this one.
        Draw();
    }
    if (!port)
    {
        m_unroutable++;
        packet->Release();
        return;
    }
    port->Enqueue(packet, now);
}

} // namespace ns3

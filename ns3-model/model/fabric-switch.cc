/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Choice of the output port.
 */
#include "fabric-switch.h"

namespace ns3
{

FabricSwitch::FabricSwitch(uint32_t firstHost,
                           uint32_t nHosts,
                           const std::vector<uint32_t>& downIndex)
    : m_firstHost(firstHost),
      m_nHosts(nHosts),
      m_downIndex(downIndex.data())
{
}

void
FabricSwitch::AddDown(FabricPort* port)
{
    m_down.push_back(port);
}

void
FabricSwitch::AddUp(FabricPort* port)
{
    m_up.push_back(port);
}

void
FabricSwitch::SetRouting(FabricRouting routing, uint64_t seed)
{
    m_routing = routing;
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
FabricSwitch::Random()
{
    uint64_t x = m_random += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return uint32_t((x ^ (x >> 31)) >> 32);
}

void
FabricSwitch::Receive(FabricPacket* packet, uint64_t now)
{
    const uint32_t dst = packet->dst;
    FabricPort* port;
    if (dst - m_firstHost < m_nHosts)
    {
        port = m_down[m_downIndex[dst]];
    }
    else if (!m_up.empty())
    {
        const uint32_t x = m_routing == FabricRouting::SPRAY ? Random() : packet->hash;
        port = m_up[(uint64_t(x) * m_up.size()) >> 32];
    }
    else
    {
        m_unroutable++;
        packet->Release();
        return;
    }
    port->Enqueue(packet, now);
}

} // namespace ns3

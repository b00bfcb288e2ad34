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
    m_expected.packet = nullptr;
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
FabricSwitch::Random(uint64_t& state)
{
    uint64_t x = state += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return uint32_t((x ^ (x >> 31)) >> 32);
}

FabricPort*
FabricSwitch::PortFor(const FabricPacket* packet, uint64_t& random) const
{
    const uint32_t dst = packet->dst;
    if (dst - m_firstHost < m_nHosts)
    {
        return m_down[m_downIndex[dst]];
    }
    if (m_up.empty())
    {
        return nullptr;
    }
    const uint32_t x = m_routing == FabricRouting::SPRAY ? Random(random) : packet->hash;
    return m_up[(uint64_t(x) * m_up.size()) >> 32];
}

void
FabricSwitch::Expect(const FabricPacket* packet) const
{
    m_expected.packet = packet;
    m_expected.random = m_random;
    m_expected.port = PortFor(packet, m_expected.random);
    if (m_expected.port)
    {
        m_expected.port->Prefetch();
    }
}

void
FabricSwitch::Receive(FabricPacket* packet, uint64_t now)
{
    FabricPort* port;
    if (m_expected.packet == packet)
    {
        port = m_expected.port;
        m_random = m_expected.random;
    }
    else
    {
        port = PortFor(packet, m_random);
    }
    m_expected.packet = nullptr;
    if (!port)
    {
        m_unroutable++;
        packet->Release();
        return;
    }
    port->Enqueue(packet, now);
}

} // namespace ns3

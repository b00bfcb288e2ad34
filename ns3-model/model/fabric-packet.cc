/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A packet's memory, and its landing at the end of a link.
 */
#include "fabric-packet.h"

#include "fabric-port.h"

#include "ns3/simulator.h"

namespace ns3
{

namespace
{

uint64_t g_outstanding = 0; //!< Packets in use.

} // namespace

void*
FabricPacket::operator new(std::size_t size)
{
    void* memory = FabricMemory::operator new(size);
    g_outstanding++;
    return memory;
}

void
FabricPacket::operator delete(void* memory)
{
    FabricMemory::operator delete(memory, sizeof(FabricPacket));
    g_outstanding--;
}

uint64_t
FabricPacket::GetOutstanding()
{
    return g_outstanding;
}

void
FabricPacket::Notify()
{
    const auto now = static_cast<uint64_t>(Simulator::Now().GetTimeStep());
    // The simulator gives up its reference when this returns; the receiver gets its own.
    Ref();
    if (m_port->HasWaiting())
    {
        m_port->Advance(now);
    }
    m_sink->Receive(this, now);
}

void
FabricHostSink::ExpectFabric(const FabricPacket* packet) const
{
}

Ptr<Packet>
FabricHostSink::MakeDatagram(const FabricPacket* packet)
{
    return JoinDatagram(packet);
}

Ptr<Packet>
FabricHostSink::JoinDatagram(const FabricPacket* packet)
{
    Ptr<Packet> datagram = Create<Packet>(packet->header, packet->headerBytes);
    if (packet->packet)
    {
        datagram->AddAtEnd(packet->packet);
    }
    else if (packet->payloadBytes)
    {
        datagram->AddAtEnd(Create<Packet>(packet->payloadBytes));
    }
    return datagram;
}

} // namespace ns3

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The free list of packets, and a packet's landing at the end of a link.
 */
#include "fabric-packet.h"

#include "fabric-port.h"

#include "ns3/simulator.h"

#include <cstdlib>
#include <new>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, bytes)   //!< Only the sanitizer minds.
#define ASAN_UNPOISON_MEMORY_REGION(memory, bytes) //!< Only the sanitizer minds.
#endif

namespace ns3
{

namespace
{

/** Packets taken from the system at once. */
constexpr std::size_t CHUNK_PACKETS = 256;
/** A cache line: the fields used at every hop fit one. */
constexpr std::size_t ALIGNMENT = 64;

/** A packet's memory while it is free. */
struct FreeSlot
{
    FreeSlot* next; //!< Next free one.
};

/** Memory for many packets. */
struct Chunk
{
    Chunk* next; //!< Taken before this one; keeps all chunks reachable.
};

/**
 * Free memory. Never torn down: events pending when the simulator is destroyed give their packets
 * back later than any object of ours would live.
 */
struct Pool
{
    FreeSlot* free;       //!< Free list.
    Chunk* chunks;        //!< All chunks.
    uint64_t outstanding; //!< Packets in use.
    uint64_t bytes;       //!< Memory taken.
} g_pool;

/** Take another chunk from the system. */
void
GrowPool()
{
    constexpr std::size_t stride = (sizeof(FabricPacket) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    constexpr std::size_t bytes = ALIGNMENT + CHUNK_PACKETS * stride;
    auto memory = static_cast<char*>(std::aligned_alloc(ALIGNMENT, bytes));
    if (!memory)
    {
        throw std::bad_alloc();
    }
    g_pool.chunks = new (memory) Chunk{g_pool.chunks};
    g_pool.bytes += bytes;
    for (std::size_t i = CHUNK_PACKETS; i-- > 0;)
    {
        g_pool.outstanding++; // to be given back at once
        FabricPacket::operator delete(memory + ALIGNMENT + i * stride);
    }
}

} // namespace

void*
FabricPacket::operator new(std::size_t size)
{
    if (!g_pool.free)
    {
        GrowPool();
    }
    FreeSlot* slot = g_pool.free;
    g_pool.free = slot->next;
    g_pool.outstanding++;
    ASAN_UNPOISON_MEMORY_REGION(slot, size);
    return slot;
}

void
FabricPacket::operator delete(void* memory)
{
    g_pool.free = new (memory) FreeSlot{g_pool.free};
    g_pool.outstanding--;
    ASAN_POISON_MEMORY_REGION(g_pool.free + 1, sizeof(FabricPacket) - sizeof(FreeSlot));
}

uint64_t
FabricPacket::GetOutstanding()
{
    return g_pool.outstanding;
}

uint64_t
FabricPacket::GetPoolBytes()
{
    return g_pool.bytes;
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

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The places of events in FabricScheduler's wheel.
 *
 * Nearly all events are packets that fly, and a packet has its place within itself: the cache line
 * that the event needs in any case. All other events are given a FabricNode.
 */
#ifndef FABRIC_EVENT_H
#define FABRIC_EVENT_H

#include "fabric-memory.h"

#include "ns3/event-impl.h"

#include <cstdint>

namespace ns3
{

class FabricPacket;
struct FabricEvent;
struct FabricNode;

/**
 * Which event: a packet or a node, with a hint to what it will need, so that this can be asked for
 * without looking at the event itself. A null reference is no event.
 */
class FabricEventRef
{
  public:
    FabricEventRef() = default;

    /**
     * \param packet A packet that flies.
     * \param context Its context, as in Scheduler::EventKey.
     */
    FabricEventRef(FabricPacket* packet, uint32_t context)
        : m_bits(Address(packet) | Hint(context))
    {
    }

    /**
     * \param node A node.
     * \param context Its context, as in Scheduler::EventKey.
     */
    FabricEventRef(FabricNode* node, uint32_t context)
        : m_bits(Address(node) | Hint(context) | 1)
    {
    }

    /** \return Whether it is an event. */
    explicit operator bool() const
    {
        return m_bits != 0;
    }

    /**
     * \param other Another.
     * \return Whether both are the same event.
     */
    bool operator==(const FabricEventRef& other) const
    {
        return m_bits == other.m_bits;
    }

    /** \return Whether the event has a node; if not, it is a packet. */
    bool IsNode() const
    {
        return m_bits & 1;
    }

    /** \return Where it lies, whichever it is. */
    void* GetAddress() const
    {
        return reinterpret_cast<void*>(uintptr_t(m_bits << HINT_BITS >> HINT_BITS & ~uint64_t(1)));
    }

    /** \return The ns-3 node of its context, and 1; or 0: none, or unknown. */
    uint32_t GetHint() const
    {
        return m_bits >> (64 - HINT_BITS);
    }

    /** \return Its node; it must have one. */
    FabricNode* GetNode() const
    {
        return static_cast<FabricNode*>(GetAddress());
    }

    /** \return Its packet; it must be one. */
    FabricPacket* GetPacket() const
    {
        return static_cast<FabricPacket*>(GetAddress());
    }

    /** \return What is to be called. */
    EventImpl* GetImpl() const;
    /** \return Its place. */
    FabricEvent& Get() const;

    /**
     * Choose without a branch.
     * \param mask All bits set or none.
     * \param one Taken if all are set.
     * \param other Taken if none is.
     * \return One of them.
     */
    static FabricEventRef Choose(uint64_t mask, FabricEventRef one, FabricEventRef other)
    {
        FabricEventRef chosen;
        chosen.m_bits = other.m_bits ^ ((other.m_bits ^ one.m_bits) & mask);
        return chosen;
    }

  private:
    /** A program's addresses have 48 bits at most, unless it asks the system for higher ones. */
    static constexpr uint32_t HINT_BITS = 16;

    /**
     * \param at Of an event.
     * \return The same as a number.
     */
    static uint64_t Address(const void* at)
    {
        return reinterpret_cast<uintptr_t>(at);
    }

    /**
     * \param context See the constructors.
     * \return It and 1 where the hint is, or no hint if it is too large. NO_CONTEXT has none.
     */
    static uint64_t Hint(uint32_t context)
    {
        const uint32_t place = context + 1;
        return place >> HINT_BITS ? 0 : uint64_t(place) << (64 - HINT_BITS);
    }

    uint64_t m_bits{0}; //!< The hint, the address, and in the lowest bit whether it is a node's.
};

/** An event's place in the wheel; its slot tells its time. */
struct FabricEvent
{
    union {
        FabricEventRef next;  //!< The next of its slot, unless it is the last.
        FabricPacket* behind; //!< For FabricPort, while a packet waits: the one behind it.
    };

    uint32_t uid;     //!< As in Scheduler::EventKey.
    uint32_t context; //!< Likewise.

    FabricEvent()
    {
    }
};

/** The place of an event that is not a packet. */
struct alignas(HOMA_ARENA_LINE) FabricNode
{
    EventImpl* impl;   //!< What to do.
    FabricNode* free;  //!< While it is not in use: the next such one.
    FabricEvent event; //!< Where a packet has it, too.
};

} // namespace ns3

#endif /* FABRIC_EVENT_H */

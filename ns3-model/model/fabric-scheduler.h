/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An event scheduler for packet simulations, where nearly all events are due within microseconds.
 *
 * Chosen with GlobalValue::Bind("SchedulerType", StringValue("ns3::FabricScheduler")) or
 * Simulator::SetScheduler(). The order of events is exactly that of the other schedulers.
 */
#ifndef FABRIC_SCHEDULER_H
#define FABRIC_SCHEDULER_H

#include "fabric-packet.h"

#include "ns3/scheduler.h"

#include <cstdint>
#include <deque>
#include <vector>

namespace ns3
{

/**
 * \brief A wheel with one slot for each coming nanosecond, and a heap for what is due later.
 *
 * The wheel covers the time steps from that of the event removed last to SLOTS - 1 after it. A slot
 * holds a queue of events of the same time; as ids only grow, arrival order is their order. A
 * bitmap of two levels finds the next slot in use. When time moves on, events of the heap whose
 * time comes within the wheel's reach move there, before any event of that time can be inserted
 * directly.
 *
 * With very many hosts it asks for the memory that the next two events will need while one runs;
 * see FabricAhead.
 *
 * Insert() and RemoveNext() take constant time, plus logarithmic time once for events further away
 * than the wheel reaches. Remove() is linear, as in PriorityQueueScheduler; Simulator::Cancel()
 * does not use it.
 */
class FabricScheduler : public Scheduler
{
  public:
    /**
     * \brief Get the type ID.
     * \return the object TypeId
     */
    static TypeId GetTypeId();
    FabricScheduler();
    ~FabricScheduler() override;

    // Inherited from Scheduler
    void Insert(const Event& ev) override;
    bool IsEmpty() const override;
    Event PeekNext() const override;
    Event RemoveNext() override;
    void Remove(const Event& ev) override;

  private:
    static constexpr uint32_t SLOT_BITS = 13;             //!< Logarithm of the number of slots.
    static constexpr uint32_t SLOTS = 1U << SLOT_BITS;    //!< Time steps the wheel reaches.
    static constexpr uint32_t WORDS = SLOTS / 64;         //!< Words of the lower bitmap.
    static constexpr uint32_t SUMMARY_WORDS = WORDS / 64; //!< Words of the upper bitmap.

    /** The events of a time step, in the order in which they were inserted. */
    struct Slot
    {
        FabricEventRef first; //!< Due first; null: there is none.
        FabricEventRef last;  //!< Due last.
    };

    /**
     * Put an event into its slot.
     * \param ev The event, within the wheel's reach.
     */
    void InsertNear(const Event& ev);
    /**
     * Move the wheel's start, and into it what is now within its reach.
     * \param ts New start, at most the time of every event in the wheel.
     */
    void MoveTo(uint64_t ts);
    /**
     * Start the wheel at an earlier time than it has been moved to.
     * \param ts New start.
     */
    void Rewind(uint64_t ts);
    /**
     * Take the first event out of the wheel, which must not be empty.
     * \return The event.
     */
    Event TakeFirst();
    /** Find the time steps in use first and second anew. */
    void FindFirst();
    /** Find the second time step in use anew; there must be a first. */
    void FindSecond();
    /** Note the time of the heap's first event. */
    void NoteFar();

    /**
     * \param ts Time of an event in the wheel.
     * \param ref The event.
     * \return As ns-3 has it.
     */
    static Event MakeEvent(uint64_t ts, FabricEventRef ref)
    {
        const FabricEvent& event = ref.Get();
        return {ref.GetImpl(), {ts, event.uid, event.context}};
    }

    /** \return A node, its content undefined. */
    FabricNode* TakeNode();
    /** Ask for the memory that the next events will need. */
    void PrepareNext() const;
    /**
     * \param ts A time step, in the wheel's reach.
     * \return The first slot in use from there on, round the wheel; one must be in use.
     */
    uint32_t NextSlot(uint64_t ts) const;

    /**
     * \param ts A time step, in the wheel's reach.
     * \return Its slot.
     */
    Slot& SlotOf(uint64_t ts)
    {
        return m_slots[ts & (SLOTS - 1)];
    }

    /** \copydoc SlotOf */
    const Slot& SlotOf(uint64_t ts) const
    {
        return m_slots[ts & (SLOTS - 1)];
    }

    uint64_t m_firstTs{UINT64_MAX};      //!< First time step in use; UINT64_MAX: none is.
    uint64_t m_secondTs{UINT64_MAX};     //!< The one after it; UINT64_MAX: there is none.
    uint64_t m_start{0};                 //!< First time step of the wheel.
    uint64_t m_farTs{UINT64_MAX};        //!< Time of the heap's first event.
    uint32_t m_near{0};                  //!< Events in the wheel.
    FabricNode* m_free{nullptr};         //!< First node that is not in use.
    std::deque<FabricNode> m_nodes;      //!< All nodes ever used.
    std::vector<Slot> m_slots;           //!< All slots.
    uint64_t m_bits[WORDS]{};            //!< Slots in use.
    uint64_t m_summary[SUMMARY_WORDS]{}; //!< Words of m_bits in use.
    std::vector<Event> m_far;            //!< Heap of the events beyond the wheel.
};

} // namespace ns3

#endif /* FABRIC_SCHEDULER_H */

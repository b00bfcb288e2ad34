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
#include <vector>

namespace ns3
{

/**
 * \brief A short queue of the next events, a wheel with one slot for each nanosecond after them,
 * and a heap for what is due later.
 *
 * The events next in turn wait in a ring. There, packets and timers of the fabric are prepared: the
 * memory they will use comes into the processor's caches while the events before them run. When
 * many events are pending, as with many hosts, that is where the time goes, and they are prepared
 * step by step from far ahead; otherwise the caches hold most of it anyway.
 *
 * The wheel covers the time steps from that of the last event of the ring to SLOTS - 1 after it. A
 * slot holds a queue of events of the same time; as ids only grow, arrival order is their order. A
 * bitmap of two levels finds the next slot in use. When the wheel moves on, events of the heap
 * whose time comes within its reach move there, before any event of that time can be inserted
 * directly. An event due before the wheel begins is put into its place in the ring; should they
 * become too many, the ring and the wheel start anew.
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
    static constexpr uint32_t SLOT_BITS = 14;                //!< Logarithm of the number of slots.
    static constexpr uint32_t SLOTS = 1U << SLOT_BITS;       //!< Time steps the wheel reaches.
    static constexpr uint32_t WORDS = SLOTS / 64;            //!< Words of the lower bitmap.
    static constexpr uint32_t SUMMARY_WORDS = WORDS / 64;    //!< Words of the upper bitmap.
    static constexpr uint32_t NONE = UINT32_MAX;             //!< No node.
    static constexpr uint32_t STEPS = 4;                     //!< Steps of an event's preparation.
    static constexpr uint32_t APART = 3;                     //!< Events between two steps.
    static constexpr uint32_t FAR_AHEAD = STEPS * APART + 1; //!< Events in the ring, of many.
    static constexpr uint32_t NEAR_AHEAD = 2;                //!< Events in the ring, of few.
    static constexpr uint32_t MANY = 800;                    //!< More in the wheel are many.
    static constexpr uint32_t RING = 64;                     //!< Places in the ring.

    /** An event in the wheel. */
    struct Node
    {
        /** \param ev The event. */
        void Set(const Event& ev)
        {
            ts = ev.key.m_ts;
            impl = ev.impl;
            uid = ev.key.m_uid;
            context = ev.key.m_context;
        }

        /** \param ev Set to the event. */
        void Get(Event& ev) const
        {
            ev.impl = impl;
            ev.key.m_ts = ts;
            ev.key.m_uid = uid;
            ev.key.m_context = context;
        }

        // Not in the order of Event: then the compiler would copy two fields at a time that have
        // just been written one by one, for which processors have to wait.
        uint64_t ts;     //!< When it is due.
        EventImpl* impl; //!< The event.
        uint32_t uid;    //!< Its number.
        uint32_t next; //!< The next of its slot, the last's being the first; or the next free one.
        uint32_t context;  //!< Its context.
        uint32_t unused{}; //!< So that no node lies across two cache lines.
    };

    /**
     * Put an event into its slot.
     * \param ev The event, within the wheel's reach.
     */
    void InsertNear(const Event& ev);
    /** \return The slot due first; the wheel must not be empty. */
    uint32_t FirstSlot() const;
    /**
     * Move the wheel's start, and into it what is now within its reach.
     * \param ts New start, at most the time of every event in the wheel.
     */
    void MoveTo(uint64_t ts);
    /** Start the wheel at the first event, and the ring with that event alone. */
    void Rewind();
    /**
     * Take the first event out of a slot.
     * \param slot A slot in use.
     * \param ev Set to the event.
     */
    void TakeFirst(uint32_t slot, Event& ev);
    /** Note the time of the heap's first event. */
    void NoteFar();

    /** What an event can be prepared as. */
    enum Kind : uint8_t
    {
        OTHER,  //!< Not at all, or it has been.
        PACKET, //!< A packet that comes to a host.
        TIMER,  //!< A timer.
    };

    /** An event in the ring. */
    struct Next
    {
        Event event; //!< The event.
        Kind kind;   //!< What it is, once it has been looked at.
    };

    /**
     * \param i Place in the order of events, 0 the next one.
     * \return The place in the ring.
     */
    Next& At(uint32_t i)
    {
        return m_ring[(m_head + i) % RING];
    }

    /** Take the wheel's or the heap's first event into the ring, if there is any. */
    void Draw();
    /**
     * Put an event into its place in the ring.
     * \param ev An event due before the wheel begins, or the only one.
     */
    void InsertNext(const Event& ev);
    /**
     * Begin to prepare an event.
     * \param next The event, whose own memory has been asked for before.
     */
    static void Prepare(Next& next);
    /** Go on with preparing events: each step uses what the one before asked for. */
    void PrepareSteps();
    /**
     * \param next A packet or a timer.
     * \param step The next step for it.
     */
    static void PrepareStep(const Next& next, uint32_t step);
    /**
     * \param ts A time step, in the wheel's reach.
     * \return The first slot in use from there on, round the wheel; one must be in use.
     */
    uint32_t NextSlot(uint64_t ts) const;

    Next m_ring[RING]{};                 //!< The next events.
    uint32_t m_head{0};                  //!< The first one's place.
    uint32_t m_count{0};                 //!< Events in the ring; 0 only if there is none at all.
    uint64_t m_start{0};                 //!< First time step of the wheel.
    uint64_t m_farTs{UINT64_MAX};        //!< Time of the heap's first event.
    uint32_t m_near{0};                  //!< Events in the wheel.
    uint32_t m_free{NONE};               //!< First free node.
    std::vector<Node> m_nodes;           //!< All nodes ever used.
    std::vector<uint32_t> m_last;        //!< By slot: its last node, or NONE.
    uint64_t m_bits[WORDS]{};            //!< Slots in use.
    uint64_t m_summary[SUMMARY_WORDS]{}; //!< Words of m_bits in use.
    std::vector<Event> m_far;            //!< Heap of the events beyond the wheel.
};

} // namespace ns3

#endif /* FABRIC_SCHEDULER_H */

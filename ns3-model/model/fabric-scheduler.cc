/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wheel and the heap.
 */
#include "fabric-scheduler.h"

#include "ns3/abort.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <typeinfo>

namespace ns3
{

NS_OBJECT_ENSURE_REGISTERED(FabricScheduler);

namespace
{

/**
 * Order of the heap.
 * \param a An event.
 * \param b Another.
 * \return True if \p a is due after \p b.
 */
bool
Later(const Scheduler::Event& a, const Scheduler::Event& b)
{
    return b.key < a.key;
}

} // namespace

TypeId
FabricScheduler::GetTypeId()
{
    static TypeId tid = TypeId("ns3::FabricScheduler")
                            .SetParent<Scheduler>()
                            .SetGroupName("Homa")
                            .AddConstructor<FabricScheduler>();
    return tid;
}

FabricScheduler::FabricScheduler()
    : m_last(SLOTS, uint32_t(NONE))
{
    FabricPrepare::SetSafe(true);
}

FabricScheduler::~FabricScheduler()
{
}

void
FabricScheduler::NoteFar()
{
    m_farTs = m_far.empty() ? UINT64_MAX : m_far.front().key.m_ts;
}

void
FabricScheduler::InsertNear(const Event& ev)
{
    uint32_t node = m_free;
    if (node == NONE)
    {
        node = m_nodes.size();
        m_nodes.emplace_back();
    }
    else
    {
        m_free = m_nodes[node].next;
    }
    Node& added = m_nodes[node];
    added.Set(ev);
    const uint32_t slot = ev.key.m_ts & (SLOTS - 1);
    const uint32_t last = m_last[slot];
    if (last == NONE)
    {
        added.next = node;
        m_bits[slot / 64] |= 1ULL << (slot % 64);
        m_summary[slot / 4096] |= 1ULL << (slot / 64 % 64);
    }
    else
    {
        added.next = m_nodes[last].next;
        m_nodes[last].next = node;
    }
    m_last[slot] = node;
    m_near++;
}

void
FabricScheduler::Insert(const Event& ev)
{
    if (!m_count || ev.key.m_ts < m_start)
    {
        InsertNext(ev);
    }
    else if (ev.key.m_ts - m_start < SLOTS)
    {
        InsertNear(ev);
    }
    else
    {
        m_far.push_back(ev);
        std::push_heap(m_far.begin(), m_far.end(), Later);
        NoteFar();
    }
}

void
FabricScheduler::InsertNext(const Event& ev)
{
    if (!m_count)
    {
        MoveTo(ev.key.m_ts);
    }
    else if (m_count == RING)
    {
        Rewind();
        Insert(ev);
        return;
    }
    uint32_t i = m_count++;
    for (; i > 0 && ev.key < At(i - 1).event.key; i--)
    {
        At(i) = At(i - 1);
    }
    At(i) = {ev, OTHER};
}

bool
FabricScheduler::IsEmpty() const
{
    return m_count == 0;
}

uint32_t
FabricScheduler::FirstSlot() const
{
    return NextSlot(m_start);
}

uint32_t
FabricScheduler::NextSlot(uint64_t ts) const
{
    const uint32_t from = ts & (SLOTS - 1);
    uint32_t word = from / 64;
    const uint64_t here = m_bits[word] >> (from % 64);
    if (here)
    {
        return from + __builtin_ctzll(here);
    }
    // The rest of this word's part of the summary, the following parts, and round to where we
    // began.
    uint32_t part = word / 64;
    uint64_t words = word % 64 == 63 ? 0 : m_summary[part] >> (word % 64 + 1) << (word % 64 + 1);
    while (!words)
    {
        part = (part + 1) % SUMMARY_WORDS;
        words = m_summary[part];
    }
    word = part * 64 + __builtin_ctzll(words);
    return word * 64 + __builtin_ctzll(m_bits[word]);
}

void
FabricScheduler::TakeFirst(uint32_t slot, Event& ev)
{
    const uint32_t last = m_last[slot];
    const uint32_t first = m_nodes[last].next;
    Node& taken = m_nodes[first];
    if (first == last)
    {
        m_last[slot] = NONE;
        uint64_t& word = m_bits[slot / 64];
        word &= ~(1ULL << (slot % 64));
        if (!word)
        {
            m_summary[slot / 4096] &= ~(1ULL << (slot / 64 % 64));
        }
    }
    else
    {
        m_nodes[last].next = taken.next;
    }
    taken.next = m_free;
    m_free = first;
    m_near--;
    taken.Get(ev);
}

void
FabricScheduler::MoveTo(uint64_t ts)
{
    m_start = ts;
    while (m_farTs - ts < SLOTS && !m_far.empty())
    {
        std::pop_heap(m_far.begin(), m_far.end(), Later);
        InsertNear(m_far.back());
        m_far.pop_back();
        NoteFar();
    }
}

void
FabricScheduler::Rewind()
{
    while (m_near)
    {
        m_far.emplace_back();
        TakeFirst(FirstSlot(), m_far.back());
    }
    while (m_count > 1)
    {
        m_far.push_back(At(--m_count).event);
    }
    std::make_heap(m_far.begin(), m_far.end(), Later);
    NoteFar();
    MoveTo(At(0).event.key.m_ts);
}

void
FabricScheduler::Draw()
{
    if (!m_near)
    {
        if (m_far.empty())
        {
            return;
        }
        MoveTo(m_farTs);
    }
    Next& drawn = At(m_count++);
    TakeFirst(FirstSlot(), drawn.event);
    drawn.kind = OTHER;
    __builtin_prefetch(drawn.event.impl);
    if (drawn.event.key.m_ts != m_start)
    {
        MoveTo(drawn.event.key.m_ts);
    }
}

Scheduler::Event
FabricScheduler::PeekNext() const
{
    return m_ring[m_head].event;
}

Scheduler::Event
FabricScheduler::RemoveNext()
{
    const Event ev = m_ring[m_head].event;
    m_head = (m_head + 1) % RING;
    m_count--;
    const bool many = m_near > MANY;
    const uint32_t ahead = many ? FAR_AHEAD : NEAR_AHEAD;
    if (m_count < ahead)
    {
        Draw();
        if (m_count < ahead)
        {
            // Two for one, until there are enough.
            Draw();
            return ev;
        }
    }
    if (FabricPrepare::IsSafe())
    {
        Prepare(At(many ? (STEPS - 1) * APART : 0));
        if (many)
        {
            PrepareSteps();
        }
    }
    return ev;
}

void
FabricScheduler::Prepare(Next& next)
{
    const EventImpl* impl = next.event.impl;
    if (!impl)
    {
        return;
    }
    const std::type_info* type = &typeid(*impl);
    // Should a type have two descriptions, its events run unprepared; that is only slower.
    if (type == &typeid(FabricPacket))
    {
        static_cast<const FabricPacket*>(impl)->PrepareHop();
        // Switches use little memory, hosts much.
        next.kind = next.event.key.m_context == Simulator::NO_CONTEXT ? OTHER : PACKET;
    }
    else if (type == &typeid(FabricTimer))
    {
        static_cast<const FabricTimer*>(impl)->Prepare(0);
        next.kind = TIMER;
    }
}

void
FabricScheduler::PrepareSteps()
{
    for (uint32_t step = 1; step < STEPS; step++)
    {
        const Next& next = At((STEPS - 1 - step) * APART);
        if (next.kind != OTHER)
        {
            PrepareStep(next, step);
        }
    }
}

void
FabricScheduler::PrepareStep(const Next& next, uint32_t step)
{
    if (next.kind == PACKET)
    {
        static_cast<const FabricPacket*>(next.event.impl)->PrepareHost(step);
    }
    else
    {
        static_cast<const FabricTimer*>(next.event.impl)->Prepare(step);
    }
}

void
FabricScheduler::Remove(const Event& ev)
{
    for (uint32_t i = 0; i < m_count; i++)
    {
        if (At(i).event.key.m_uid == ev.key.m_uid)
        {
            for (m_count--; i < m_count; i++)
            {
                At(i) = At(i + 1);
            }
            if (!m_count)
            {
                Draw();
            }
            return;
        }
    }
    const uint32_t slot = ev.key.m_ts & (SLOTS - 1);
    if (ev.key.m_ts - m_start < SLOTS && m_last[slot] != NONE)
    {
        uint32_t before = m_last[slot];
        do
        {
            const uint32_t node = m_nodes[before].next;
            if (m_nodes[node].uid == ev.key.m_uid)
            {
                // Make it the first of its ring, and take it as such.
                const uint32_t last = m_last[slot];
                const uint32_t first = m_nodes[last].next;
                if (node == last)
                {
                    m_last[slot] = before;
                }
                else if (node != first)
                {
                    m_nodes[before].next = m_nodes[node].next;
                    m_nodes[node].next = first;
                    m_nodes[last].next = node;
                }
                Event removed;
                TakeFirst(slot, removed);
                return;
            }
            before = node;
        } while (before != m_last[slot]);
    }
    auto found = std::find(m_far.begin(), m_far.end(), ev);
    NS_ABORT_MSG_IF(found == m_far.end(), "no such event to remove");
    *found = m_far.back();
    m_far.pop_back();
    std::make_heap(m_far.begin(), m_far.end(), Later);
    NoteFar();
}

} // namespace ns3

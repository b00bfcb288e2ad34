/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wheel and the heap.
 */
#include "fabric-scheduler.h"

#include "fabric-port.h"

#include "ns3/abort.h"

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
    added.event = ev;
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
    if (ev.key.m_ts < m_start)
    {
        Rewind(ev.key.m_ts);
    }
    if (ev.key.m_ts - m_start < SLOTS)
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

bool
FabricScheduler::IsEmpty() const
{
    return m_near == 0 && m_far.empty();
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

Scheduler::Event
FabricScheduler::TakeFirst(uint32_t slot)
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
    return taken.event;
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
FabricScheduler::Rewind(uint64_t ts)
{
    while (m_near)
    {
        m_far.push_back(TakeFirst(FirstSlot()));
    }
    std::make_heap(m_far.begin(), m_far.end(), Later);
    NoteFar();
    MoveTo(ts);
}

Scheduler::Event
FabricScheduler::PeekNext() const
{
    return m_near ? m_nodes[m_nodes[m_last[FirstSlot()]].next].event : m_far.front();
}

Scheduler::Event
FabricScheduler::RemoveNext()
{
    if (!m_near)
    {
        MoveTo(m_farTs);
    }
    const Event ev = TakeFirst(FirstSlot());
    if (ev.key.m_ts != m_start)
    {
        MoveTo(ev.key.m_ts);
    }
    if (m_near)
    {
        PrepareNext();
    }
    return ev;
}

void
FabricScheduler::PrepareNext() const
{
    // With many hosts, memory is far away: the event after next comes nearer while this one runs,
    // and what the next one points to, now that it is here itself.
    const uint32_t last = m_last[FirstSlot()];
    const uint32_t first = m_nodes[last].next;
    const Event& next = m_nodes[first].event;
    if (next.impl && typeid(*next.impl) == typeid(FabricPacket))
    {
        static_cast<const FabricPacket*>(next.impl)->Prepare();
    }
    const uint32_t second =
        first == last ? m_nodes[m_last[NextSlot(next.key.m_ts + 1)]].next : m_nodes[first].next;
    __builtin_prefetch(m_nodes[second].event.impl);
}

void
FabricScheduler::Remove(const Event& ev)
{
    const uint32_t slot = ev.key.m_ts & (SLOTS - 1);
    if (ev.key.m_ts - m_start < SLOTS && m_last[slot] != NONE)
    {
        uint32_t before = m_last[slot];
        do
        {
            const uint32_t node = m_nodes[before].next;
            if (m_nodes[node].event.key.m_uid == ev.key.m_uid)
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
                TakeFirst(slot);
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

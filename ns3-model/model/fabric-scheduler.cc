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
    At(i) = {ev, nullptr, nullptr};
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
FabricScheduler::Rewind()
{
    while (m_near)
    {
        m_far.push_back(TakeFirst(FirstSlot()));
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
    drawn.event = TakeFirst(FirstSlot());
    drawn.packet = nullptr;
    drawn.timer = nullptr;
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
    // One comes for each that goes, and one more until there are enough.
    for (uint32_t i = 0; i < 2 && m_count < AHEAD; i++)
    {
        Draw();
    }
    if (m_count >= AHEAD && FabricPrepare::IsSafe())
    {
        Prepare();
    }
    return ev;
}

void
FabricScheduler::Prepare()
{
    // Each step uses what the one before asked for, some events ago.
    Next& drawn = At((STEPS - 1) * APART);
    const std::type_info* type = &typeid(*drawn.event.impl);
    // Should a type have two descriptions, its events run unprepared; that is only slower.
    if (type == &typeid(FabricPacket))
    {
        drawn.packet = static_cast<const FabricPacket*>(drawn.event.impl);
        drawn.packet->Prepare(0);
    }
    else if (type == &typeid(FabricTimer))
    {
        drawn.timer = static_cast<const FabricTimer*>(drawn.event.impl);
        drawn.timer->Prepare(0);
    }
    for (uint32_t step = 1; step < STEPS; step++)
    {
        Next& next = At((STEPS - 1 - step) * APART);
        if (next.packet)
        {
            if (!next.packet->Prepare(step))
            {
                next.packet = nullptr;
            }
        }
        else if (next.timer)
        {
            next.timer->Prepare(step);
        }
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

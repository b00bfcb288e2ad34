/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wheel and the heap.
 */
#include "fabric-scheduler.h"

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

/**
 * What dynamic_cast would say, remembered by type: this is done for every event.
 * \param event An event.
 * \return The same, or null if it is no FabricEvent.
 */
const FabricEvent*
Recognize(const EventImpl* event)
{
    struct Known
    {
        const std::type_info* type;
        bool expects;
    };
    static Known known[4];
    static uint32_t next;

    if (!event)
    {
        return nullptr;
    }
    const std::type_info* type = &typeid(*event);
    for (const Known& k : known)
    {
        if (k.type == type)
        {
            return k.expects ? static_cast<const FabricEvent*>(event) : nullptr;
        }
    }
    auto cast = dynamic_cast<const FabricEvent*>(event);
    known[next++ % 4] = {type, cast != nullptr};
    return cast;
}

} // namespace

FabricScheduler* FabricScheduler::g_running;

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
    if (g_running == this)
    {
        g_running = nullptr;
    }
}

void
FabricScheduler::NoteFar()
{
    m_farTs = m_far.empty() ? UINT64_MAX : m_far.front().key.m_ts;
}

void
FabricScheduler::InsertNear(const Event& ev, bool first)
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
    if (last == NONE || !first)
    {
        m_last[slot] = node;
    }
    m_near++;
}

Scheduler::Event&
FabricScheduler::Soon(uint32_t i)
{
    return m_soon[(m_first + i) % RING];
}

void
FabricScheduler::Refill()
{
    for (uint32_t n = 0; n < BATCH && m_near; n++)
    {
        const uint32_t slot = FirstSlot();
        Event& last = Soon(m_count++);
        last = TakeFirst(slot);
        __builtin_prefetch(last.impl);
    }
}

void
FabricScheduler::PutLastBack()
{
    InsertNear(Soon(--m_count), true);
}

void
FabricScheduler::Insert(const Event& ev)
{
    if (ev.key.m_ts < m_start)
    {
        Rewind(ev.key.m_ts);
    }
    if (m_count == RING && ev.key.m_ts < Soon(RING - 1).key.m_ts)
    {
        PutLastBack();
    }
    if (m_count && ev.key.m_ts < Soon(m_count - 1).key.m_ts)
    {
        uint32_t i = m_count++;
        for (; i && ev.key.m_ts < Soon(i - 1).key.m_ts; i--)
        {
            Soon(i) = Soon(i - 1);
        }
        Soon(i) = ev;
    }
    else if (ev.key.m_ts - m_start < SLOTS)
    {
        InsertNear(ev, false);
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
    return m_count == 0 && m_near == 0 && m_far.empty();
}

uint32_t
FabricScheduler::FirstSlot() const
{
    const uint64_t after = m_count ? m_soon[(m_first + m_count - 1) % RING].key.m_ts : m_start;
    const uint32_t from = after & (SLOTS - 1);
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
        InsertNear(m_far.back(), false);
        m_far.pop_back();
        NoteFar();
    }
}

void
FabricScheduler::Rewind(uint64_t ts)
{
    while (m_count)
    {
        m_far.push_back(Soon(--m_count));
    }
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
    if (m_count)
    {
        return m_soon[m_first];
    }
    return m_near ? m_nodes[m_nodes[m_last[FirstSlot()]].next].event : m_far.front();
}

Scheduler::Event
FabricScheduler::RemoveNext()
{
    if (!m_count)
    {
        if (!m_near)
        {
            MoveTo(m_farTs);
        }
        Refill();
    }
    const Event ev = m_soon[m_first];
    m_first = (m_first + 1) % RING;
    m_count--;
    if (ev.key.m_ts != m_start)
    {
        MoveTo(ev.key.m_ts);
    }
    g_running = this;
    return ev;
}

void
FabricScheduler::LookAhead()
{
    if (g_running && g_running->m_count < LOW && g_running->m_near >= MANY)
    {
        g_running->Expect();
    }
}

void
FabricScheduler::Expect()
{
    const FabricEvent* events[BATCH];
    uint32_t n = 0;
    uint32_t i = m_count;
    Refill();
    for (; i < m_count; i++)
    {
        events[n] = Recognize(Soon(i).impl);
        n += events[n] != nullptr;
    }
    // One step for all before the next: meanwhile, memory comes.
    for (uint32_t step = 0; n; step++)
    {
        uint32_t left = 0;
        for (i = 0; i < n; i++)
        {
            events[left] = events[i];
            left += events[i]->Expect(step);
        }
        n = left;
    }
}

void
FabricScheduler::Remove(const Event& ev)
{
    for (uint32_t i = 0; i < m_count; i++)
    {
        if (Soon(i).key.m_uid == ev.key.m_uid)
        {
            for (m_count--; i < m_count; i++)
            {
                Soon(i) = Soon(i + 1);
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

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wheel and the heap.
 */
#include "fabric-scheduler.h"

#include "fabric-ahead.h"
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
    : m_slots(SLOTS)
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

FabricNode*
FabricScheduler::TakeNode()
{
    FabricNode* node = m_free;
    if (!node)
    {
        return &m_nodes.emplace_back();
    }
    m_free = node->free;
    return node;
}

void
FabricScheduler::InsertNear(const Event& ev)
{
    const uint64_t ts = ev.key.m_ts;
    FabricEventRef inserted;
    if (ev.impl && &typeid(*ev.impl) == &typeid(FabricPacket))
    {
        inserted = FabricEventRef(static_cast<FabricPacket*>(ev.impl), ev.key.m_context);
    }
    else
    {
        FabricNode* node = TakeNode();
        node->impl = ev.impl;
        inserted = FabricEventRef(node, ev.key.m_context);
    }
    FabricEvent& event = inserted.Get();
    event.uid = ev.key.m_uid;
    event.context = ev.key.m_context;
    m_near++;
    Slot& slot = SlotOf(ts);
    if (slot.first)
    {
        slot.last.Get().next = inserted;
        slot.last = inserted;
        return;
    }
    slot = {inserted, inserted};
    const uint32_t bit = ts & (SLOTS - 1);
    m_bits[bit / 64] |= 1ULL << (bit % 64);
    m_summary[bit / 4096] |= 1ULL << (bit / 64 % 64);
    if (ts < m_firstTs)
    {
        m_secondTs = m_firstTs;
        m_firstTs = ts;
    }
    else if (ts < m_secondTs)
    {
        m_secondTs = ts;
    }
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
FabricScheduler::FindSecond()
{
    // Round the wheel, the slot after the only one is that one.
    const uint32_t ahead = (NextSlot(m_firstTs + 1) - m_firstTs) & (SLOTS - 1);
    m_secondTs = ahead ? m_firstTs + ahead : UINT64_MAX;
}

void
FabricScheduler::FindFirst()
{
    m_firstTs = UINT64_MAX;
    m_secondTs = UINT64_MAX;
    if (m_near)
    {
        m_firstTs = m_start + ((NextSlot(m_start) - m_start) & (SLOTS - 1));
        FindSecond();
    }
}

Scheduler::Event
FabricScheduler::TakeFirst()
{
    Slot& slot = SlotOf(m_firstTs);
    const FabricEventRef first = slot.first;
    const Event event = MakeEvent(m_firstTs, first);
    slot.first = first == slot.last ? FabricEventRef() : first.Get().next;
    if (first.IsNode())
    {
        first.GetNode()->free = m_free;
        m_free = first.GetNode();
    }
    m_near--;
    if (!slot.first)
    {
        const uint32_t bit = m_firstTs & (SLOTS - 1);
        uint64_t& word = m_bits[bit / 64];
        word &= ~(1ULL << (bit % 64));
        if (!word)
        {
            m_summary[bit / 4096] &= ~(1ULL << (bit / 64 % 64));
        }
        m_firstTs = m_secondTs;
        if (m_near)
        {
            FindSecond();
        }
    }
    return event;
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
        m_far.push_back(TakeFirst());
    }
    std::make_heap(m_far.begin(), m_far.end(), Later);
    NoteFar();
    MoveTo(ts);
}

Scheduler::Event
FabricScheduler::PeekNext() const
{
    if (!m_near)
    {
        return m_far.front();
    }
    return MakeEvent(m_firstTs, SlotOf(m_firstTs).first);
}

Scheduler::Event
FabricScheduler::RemoveNext()
{
    if (!m_near)
    {
        MoveTo(m_farTs);
    }
    const Event ev = TakeFirst();
    if (ev.key.m_ts != m_start)
    {
        MoveTo(ev.key.m_ts);
    }
    if (m_near && FabricAhead::HasBegun())
    {
        PrepareNext();
    }
    return ev;
}

void
FabricScheduler::PrepareNext() const
{
    // What the event after next is comes nearer while this one runs, and what the next one points
    // to, now that it is here itself.
    const Slot slot = SlotOf(m_firstTs);
    const FabricEventRef next = slot.first;
    // Without a second time step this is some other slot: also good, or empty.
    const FabricEventRef other = SlotOf(m_secondTs).first;
    // Whether the next one is its slot's last cannot be predicted: a branch would cost more than
    // the memory. The empty statement keeps the compiler from making one of this.
    uint64_t mask = -uint64_t(next == slot.last);
    asm("" : "+r"(mask));
    const FabricEventRef after = FabricEventRef::Choose(mask, other, next.Get().next);
    homa_arena_fetch(after.GetAddress());
    FabricAhead::Fetch(after.GetHint(), after.GetAddress());
    if (next.IsNode())
    {
        homa_arena_fetch(next.GetNode()->impl);
    }
    else
    {
        next.GetPacket()->Prepare();
    }
}

void
FabricScheduler::Remove(const Event& ev)
{
    if (ev.key.m_ts - m_start < SLOTS && SlotOf(ev.key.m_ts).first)
    {
        Slot& slot = SlotOf(ev.key.m_ts);
        FabricEventRef before;
        for (FabricEventRef ref = slot.first;; before = ref, ref = ref.Get().next)
        {
            if (ref.Get().uid == ev.key.m_uid)
            {
                if (before)
                {
                    // Make it the first of its slot, and take it as such.
                    before.Get().next = ref.Get().next;
                    slot.last = ref == slot.last ? before : slot.last;
                    ref.Get().next = slot.first;
                    slot.first = ref;
                }
                m_firstTs = ev.key.m_ts;
                TakeFirst();
                FindFirst();
                return;
            }
            if (ref == slot.last)
            {
                break;
            }
        }
    }
    auto found = std::find(m_far.begin(), m_far.end(), ev);
    NS_ABORT_MSG_IF(found == m_far.end(), "no such event to remove");
    *found = m_far.back();
    m_far.pop_back();
    std::make_heap(m_far.begin(), m_far.end(), Later);
    NoteFar();
}

} // namespace ns3

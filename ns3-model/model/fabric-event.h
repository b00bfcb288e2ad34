/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events that FabricScheduler knows: before they happen, they bring the memory they will use into
 * the processor's caches.
 *
 * FabricPacket is one; FabricTimer is one for whoever lets the same timer fire again and again.
 */
#ifndef FABRIC_EVENT_H
#define FABRIC_EVENT_H

#include "ns3/event-impl.h"

#include <cstdint>

namespace ns3
{

/**
 * What preparing events has in common.
 */
class FabricPrepare
{
  public:
    /** \return Whether all is still there that events point to. */
    static bool IsSafe()
    {
        return g_safe;
    }

    /**
     * \param safe Whether all that events point to is there: false once part of it has gone. Events
     * that will never happen may point to it.
     */
    static void SetSafe(bool safe)
    {
        g_safe = safe;
    }

    /**
     * Ask for memory.
     * \param object Where it begins.
     * \param bytes How much of it.
     */
    static void Fetch(const void* object, uint32_t bytes = 1)
    {
        for (uint32_t at = 0; at < bytes; at += 64)
        {
            __builtin_prefetch(static_cast<const char*>(object) + at);
        }
    }

  private:
    inline static bool g_safe = true; //!< See IsSafe().
};

/** Some memory. */
struct FabricMemory
{
    const void* begin; //!< Where it begins.
    uint32_t bytes;    //!< How much it is.
};

/**
 * Whose timers fire.
 */
class FabricTimerOwner
{
  public:
    virtual ~FabricTimerOwner()
    {
        FabricPrepare::SetSafe(false);
    }

    /**
     * A timer has fired.
     * \param which The number it was made with.
     */
    virtual void TimerFired(uint32_t which) = 0;
    /**
     * A timer is about to fire. Ask for memory, looking only at what the step before has asked for.
     * \param which The number it was made with.
     * \param step 1 to 3, in order; steps may be left out and repeated.
     */
    virtual void PrepareTimer(uint32_t which, uint32_t step) const = 0;
};

/**
 * A timer: one event object, scheduled again and again, so that it costs no allocation.
 */
class FabricTimer final : public EventImpl
{
  public:
    /**
     * \param owner Whose.
     * \param which Which of the owner's.
     */
    FabricTimer(FabricTimerOwner* owner, uint32_t which)
        : m_owner(owner),
          m_which(which)
    {
    }

    /** The owner is gone. */
    void Detach()
    {
        m_owner = nullptr;
    }

    /**
     * See FabricTimerOwner::PrepareTimer().
     * \param step 0 to 3.
     */
    void Prepare(uint32_t step) const
    {
        if (!step)
        {
            FabricPrepare::Fetch(m_owner);
        }
        else if (m_owner)
        {
            m_owner->PrepareTimer(m_which, step);
        }
    }

  private:
    void Notify() override
    {
        if (m_owner)
        {
            m_owner->TimerFired(m_which);
        }
    }

    FabricTimerOwner* m_owner; //!< Whose, or null.
    uint32_t m_which;          //!< Which.
};

} // namespace ns3

#endif /* FABRIC_EVENT_H */

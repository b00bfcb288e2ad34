/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that is asked for before the event that needs it runs.
 */
#ifndef FABRIC_AHEAD_H
#define FABRIC_AHEAD_H

#include "homa-arena.h"

#include <array>
#include <cstdint>
#include <vector>

namespace ns3
{

/**
 * What the events of each node look at first.
 *
 * With very many hosts that has left the processor's caches by the time the host's next event
 * comes. FabricScheduler, which knows what comes next, asks for it while other events run. Nothing
 * depends on any of it but time.
 */
class FabricAhead
{
  public:
    /**
     * From as many hosts on it is worth while, by measurement on a processor whose cores have
     * caches of 2 MB. With fewer, asking costs more than waiting.
     */
    static constexpr uint32_t HOSTS = 800;

    /** Cache lines known of a node. */
    static constexpr uint32_t LINES = 9;

    /**
     * A simulation begins. Until its Simulator::Destroy(), what pending events point to exists and
     * may be looked at.
     */
    static void Begin();

    /** \return Whether it has begun. */
    static bool HasBegun()
    {
        return g_begun;
    }

    /**
     * Tell what a node's events need. Of no effect before Begin().
     *
     * \param node Id of a node, which is the context of its events.
     * \param lines Memory that its events look at; what is beyond LINES is left out.
     */
    static void Add(uint32_t node, const std::vector<const void*>& lines);

    /**
     * Ask for it.
     *
     * \param place Id of the node whose event comes soon, and 1; 0: none.
     * \param event The event.
     */
    static void Fetch(uint32_t place, const void* event)
    {
        // Whether a host comes next cannot be predicted: without a branch, what is asked for is at
        // hand if none does.
        if (place < g_nodes.size())
        {
            // A packet's header.
            homa_arena_fetch(static_cast<const char*>(event) + HOMA_ARENA_LINE * (place != 0));
            const Lines& lines = g_nodes[place];
#pragma GCC unroll LINES
            for (uint32_t i = 0; i < LINES; i++)
            {
                homa_arena_fetch(lines[i]);
            }
        }
    }

  private:
    /** Memory of a node; null where there is no more. */
    typedef std::array<const void*, LINES> Lines;

    static inline bool g_begun{false};          //!< See HasBegun().
    static inline std::vector<Lines> g_nodes{}; //!< By node id and 1; 0: no node's.
};

} // namespace ns3

#endif /* FABRIC_AHEAD_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that is asked for early; see fabric-ahead.h.
 */
#include "fabric-ahead.h"

#include "ns3/simulator.h"

#include <algorithm>

namespace ns3
{

void
FabricAhead::Begin()
{
    if (!g_begun)
    {
        g_begun = true;
        g_nodes.resize(1);
        g_nodes[0].fill(&g_begun);
        Simulator::ScheduleDestroy([] {
            g_begun = false;
            g_nodes.clear();
        });
    }
}

void
FabricAhead::Add(uint32_t node, const std::vector<const void*>& lines)
{
    if (!g_begun)
    {
        return;
    }
    const uint32_t place = node + 1;
    if (place >= g_nodes.size())
    {
        g_nodes.resize(place + 1);
    }
    Lines& known = g_nodes[place];
    for (const void* line : lines)
    {
        auto free = std::find(known.begin(), known.end(), nullptr);
        if (free == known.end())
        {
            return;
        }
        *free = line;
    }
}

} // namespace ns3

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Base of objects that packets touch: their memory lies together; see homa-arena.h.
 */
#ifndef FABRIC_MEMORY_H
#define FABRIC_MEMORY_H

#include "homa-arena.h"

#include <cstddef>
#include <new>

namespace ns3
{

/**
 * Gives the classes derived from it memory of the arena.
 */
class FabricMemory
{
  public:
    /**
     * \param size Of the object.
     * \return Memory at the start of a cache line.
     */
    static void* operator new(std::size_t size)
    {
        void* memory = homa_arena_take(size);
        if (!memory)
        {
            throw std::bad_alloc();
        }
        return memory;
    }

    /**
     * \param memory From operator new.
     * \param size Of the object.
     */
    static void operator delete(void* memory, std::size_t size)
    {
        homa_arena_give(memory, size);
    }
};

} // namespace ns3

#endif /* FABRIC_MEMORY_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Base of objects that packets touch: their memory lies together; see homa-arena.h.
 */
#ifndef FABRIC_MEMORY_H
#define FABRIC_MEMORY_H

#include "homa-arena.h"

#include "ns3/object.h"

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

/**
 * The same for classes whose first base is Object: what follows Object's own fields begins a cache
 * line.
 */
class FabricObjectMemory
{
  public:
    /**
     * \param size Of the object.
     * \return Memory.
     */
    static void* operator new(std::size_t size)
    {
        return static_cast<char*>(FabricMemory::operator new(size + LEAD)) + LEAD;
    }

    /**
     * \param memory From operator new.
     * \param size Of the object.
     */
    static void operator delete(void* memory, std::size_t size)
    {
        FabricMemory::operator delete(static_cast<char*>(memory) - LEAD, size + LEAD);
    }

  private:
    /** Bytes before the object. */
    static constexpr std::size_t LEAD =
        (HOMA_ARENA_LINE - sizeof(Object) % HOMA_ARENA_LINE) % HOMA_ARENA_LINE;
};

} // namespace ns3

#endif /* FABRIC_MEMORY_H */

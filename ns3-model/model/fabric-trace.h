/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trace source that costs nothing while nobody in the whole process has connected to any: asking
 * whether anybody listens does not touch the object it belongs to.
 */
#ifndef FABRIC_TRACE_H
#define FABRIC_TRACE_H

#include "ns3/traced-callback.h"

#include <string>

namespace ns3
{

/** Whether anybody has ever connected to a FabricTrace. */
inline bool g_fabricTraced = false;

/**
 * An ns3::TracedCallback for what happens with every packet.
 * \tparam Ts Types of the arguments.
 */
template <typename... Ts>
class FabricTrace : public TracedCallback<Ts...>
{
  public:
    /**
     * As TracedCallback has it.
     * \param callback The callback.
     */
    void ConnectWithoutContext(const CallbackBase& callback)
    {
        g_fabricTraced = true;
        TracedCallback<Ts...>::ConnectWithoutContext(callback);
    }

    /**
     * As TracedCallback has it.
     * \param callback The callback.
     * \param path Its first argument.
     */
    void Connect(const CallbackBase& callback, std::string path)
    {
        g_fabricTraced = true;
        TracedCallback<Ts...>::Connect(callback, path);
    }

    /** \return Whether nobody listens. */
    bool IsEmpty() const
    {
        return !g_fabricTraced || TracedCallback<Ts...>::IsEmpty();
    }
};

} // namespace ns3

#endif /* FABRIC_TRACE_H */

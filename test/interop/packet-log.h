/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A line for every Homa packet that a simulated host sends or receives, to see afterwards what the
 * two sides said. For the interoperation program only.
 */
#ifndef PACKET_LOG_H
#define PACKET_LOG_H

#include "ns3/homa-transport.h"

#include <fstream>
#include <string>

namespace ns3
{

/** The file. */
class PacketLog
{
  public:
    /**
     * Begin; throws std::runtime_error if it cannot.
     * \param path Of the file, which is overwritten.
     */
    explicit PacketLog(const std::string& path);
    /**
     * Log what a host sends and receives.
     * \param transport The host's; must not outlive this while the simulation runs.
     * \param name Its name in the file.
     */
    void Follow(Ptr<HomaTransport> transport, const std::string& name);

  private:
    /**
     * \param name Of the host.
     * \param direction As an arrow.
     * \param packet The packet.
     * \param peer The other side.
     */
    void Write(const std::string& name,
               const char* direction,
               const homa_packet& packet,
               Ipv6Address peer);

    std::ofstream m_file; //!< The file.
};

} // namespace ns3

#endif /* PACKET_LOG_H */

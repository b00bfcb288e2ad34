/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RPCs of the interoperation program; see calls.h.
 */
#include "calls.h"

#include "ns3/homa-socket-factory.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <iostream>

namespace ns3
{

namespace
{

/**
 * \param size Bytes.
 * \param key Different keys, different bytes.
 * \return A message whose bytes differ with the place and the key.
 */
std::vector<uint8_t>
Content(uint32_t size, uint64_t key)
{
    std::vector<uint8_t> bytes(size);
    uint64_t x = key * 0x9e3779b97f4a7c15ULL + 1;
    for (uint8_t& b : bytes)
    {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        b = x >> 56;
    }
    return bytes;
}

/**
 * \param packet A message received.
 * \return Its bytes.
 */
std::vector<uint8_t>
Bytes(Ptr<const Packet> packet)
{
    std::vector<uint8_t> bytes(packet->GetSize());
    packet->CopyData(bytes.data(), bytes.size());
    return bytes;
}

} // namespace

void
Tap::Result(bool good, const std::string& name, const std::string& why)
{
    m_count++;
    m_failed += !good;
    std::cout << (good ? "ok " : "not ok ") << m_count << " - " << name << std::endl;
    if (!good && !why.empty())
    {
        std::cout << "# " << why << std::endl;
    }
}

bool
Tap::IsGood() const
{
    return m_count && !m_failed;
}

Caller::Caller(Tap& tap, double seconds)
    : m_tap(tap),
      m_limit(Seconds(seconds))
{
}

Caller::~Caller()
{
    m_late.Cancel();
    if (m_socket)
    {
        m_socket->Close();
    }
}

void
Caller::Add(const CallSet& set)
{
    m_sets.push_back(set);
}

void
Caller::Run(std::function<void()> done)
{
    m_done = done;
    Next();
}

void
Caller::Next()
{
    if (m_at == m_sets.size())
    {
        m_done();
        return;
    }
    const CallSet& set = m_sets[m_at];
    m_why.clear();
    m_socket =
        DynamicCast<HomaSocket>(Socket::CreateSocket(set.node, HomaSocketFactory::GetTypeId()));
    m_socket->SetRecvCallback(MakeCallback(&Caller::Receive, this));
    m_open.assign(set.sizes.size(), true);
    m_left = set.sizes.size();
    m_late = Simulator::Schedule(m_limit, &Caller::Finish, this);
    for (size_t i = 0; i < set.sizes.size(); i++)
    {
        std::vector<uint8_t> bytes = Content(set.sizes[i], m_at * 1000 + i);
        if (!m_socket->SendRequest(Create<Packet>(bytes.data(), bytes.size()), set.server, i))
        {
            Blame("a request of " + std::to_string(set.sizes[i]) +
                  " bytes was refused with error " + std::to_string(m_socket->GetErrno()));
        }
    }
}

void
Caller::Receive(Ptr<Socket> socket)
{
    const CallSet& set = m_sets[m_at];
    while (std::optional<HomaMessage> message = m_socket->RecvMessage())
    {
        uint64_t i = message->cookie;
        if (i >= m_open.size() || !m_open[i])
        {
            Blame("a message arrived for no RPC under way");
            continue;
        }
        m_open[i] = false;
        m_left--;
        std::string which = "the RPC of " + std::to_string(set.sizes[i]) + " bytes ";
        if (message->error != set.expected)
        {
            Blame(which + "ended with error " + std::to_string(message->error));
        }
        else if (!message->error)
        {
            std::vector<uint8_t> sent = Content(set.sizes[i], m_at * 1000 + i);
            std::vector<uint8_t> back = Bytes(message->packet);
            if (back.size() != sent.size())
            {
                Blame(which + "brought back " + std::to_string(back.size()));
            }
            auto wrong = std::mismatch(back.begin(), back.end(), sent.begin(), sent.end()).first;
            if (wrong != back.end())
            {
                Blame(which + "came back wrong from byte " + std::to_string(wrong - back.begin()) +
                      " on");
            }
        }
    }
    if (!m_left && m_late.IsRunning())
    {
        m_late.Cancel();
        /* Not now: the socket is telling us. */
        Simulator::ScheduleNow(&Caller::Finish, this);
    }
}

void
Caller::Finish()
{
    if (m_left)
    {
        Blame(std::to_string(m_left) + " of " + std::to_string(m_open.size()) +
              " RPCs had not ended in time");
    }
    m_tap.Result(m_why.empty(), m_sets[m_at].name, m_why);
    m_socket->Close();
    m_socket = nullptr;
    m_at++;
    Next();
}

void
Caller::Blame(const std::string& why)
{
    if (m_why.empty())
    {
        m_why = why;
    }
}

} // namespace ns3

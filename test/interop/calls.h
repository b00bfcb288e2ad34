/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RPCs of the interoperation program: requests with a content that can be checked, one set after
 * the other, and a test result for each set. Single-threaded, like all of ns-3.
 */
#ifndef CALLS_H
#define CALLS_H

#include "ns3/event-id.h"
#include "ns3/homa-socket.h"
#include "ns3/node.h"
#include "ns3/nstime.h"

#include <functional>
#include <string>
#include <vector>

namespace ns3
{

/** Prints results as TAP. */
class Tap
{
  public:
    /**
     * \param good Whether the test passed.
     * \param name What must hold.
     * \param why Printed beneath if it does not; may be empty.
     */
    void Result(bool good, const std::string& name, const std::string& why = "");
    /** \return Whether every test passed, and there was one. */
    bool IsGood() const;

  private:
    unsigned m_count{0};  //!< Tests so far.
    unsigned m_failed{0}; //!< Those that failed.
};

/** Requests that go out together. */
struct CallSet
{
    std::string name;                                     //!< Of the test: what must hold.
    Ptr<Node> node;                                       //!< Client.
    Address server;                                       //!< Socket address.
    std::vector<uint32_t> sizes;                          //!< Bytes of each request.
    Socket::SocketErrno expected{Socket::ERROR_NOTERROR}; //!< How each must end.
};

/**
 * A client that makes sets of RPCs with an echo server, one set after the other.
 */
class Caller
{
  public:
    /**
     * \param tap Where results go.
     * \param seconds Limit for each set.
     */
    Caller(Tap& tap, double seconds);
    ~Caller();

    /** \param set To be called after those added before. */
    void Add(const CallSet& set);
    /**
     * Make the calls; returns before they have ended.
     * \param done Called when all have.
     */
    void Run(std::function<void()> done);

  private:
    /** Begin the next set, if there is one. */
    void Next();
    /** \param socket Has messages. */
    void Receive(Ptr<Socket> socket);
    /** The set has ended, or its time. */
    void Finish();
    /** \param why Something is wrong with the set; only the first reason is kept. */
    void Blame(const std::string& why);

    Tap& m_tap;                   //!< Where results go.
    Time m_limit;                 //!< For each set.
    std::vector<CallSet> m_sets;  //!< All.
    size_t m_at{0};               //!< The one being made.
    std::vector<bool> m_open;     //!< Its RPCs under way.
    size_t m_left{0};             //!< Number of these.
    std::string m_why;            //!< What is wrong with it; empty: nothing.
    Ptr<HomaSocket> m_socket;     //!< Makes it.
    EventId m_late;               //!< When its time ends.
    std::function<void()> m_done; //!< See Run().
};

} // namespace ns3

#endif /* CALLS_H */

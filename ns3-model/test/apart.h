/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes of their own, for what ends a program, or leaves something behind in it.
 */
#ifndef HOMA_TEST_APART_H
#define HOMA_TEST_APART_H

#include <csignal>
#include <functional>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ns3
{

/**
 * Do something in a child process.
 * \param what What.
 * \param aborted Set to whether it was aborted.
 * \return What it said on std::cerr.
 */
inline std::string
TestApart(std::function<void()> what, bool& aborted)
{
    int ends[2];
    aborted = false;
    if (pipe(ends))
    {
        return "";
    }
    const pid_t child = fork();
    if (!child)
    {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        what();
        _exit(0);
    }
    close(ends[1]);
    std::string said;
    char part[4096];
    for (ssize_t bytes; (bytes = read(ends[0], part, sizeof(part))) > 0;)
    {
        said.append(part, bytes);
    }
    close(ends[0]);
    int status = 0;
    const bool ended = child > 0 && waitpid(child, &status, 0) == child;
    aborted = ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    return said;
}

/**
 * Do in a child process what must abort it.
 * \param what What.
 * \return What the child said; empty if it did not abort.
 */
inline std::string
TestRefusal(std::function<void()> what)
{
    bool aborted;
    const std::string said = TestApart(what, aborted);
    return aborted ? said : "";
}

} // namespace ns3

#endif /* HOMA_TEST_APART_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the test suites need to see how a program ends that misuses the module.
 */
#ifndef HOMA_TEST_REFUSAL_H
#define HOMA_TEST_REFUSAL_H

#include <csignal>
#include <functional>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ns3
{

/**
 * Do in a child process what must abort it.
 * \param what What.
 * \return What the child said; empty if it did not abort.
 */
inline std::string
TestRefusal(std::function<void()> what)
{
    int ends[2];
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
    return ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? said : "";
}

} // namespace ns3

#endif /* HOMA_TEST_REFUSAL_H */

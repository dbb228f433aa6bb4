// Stopping on request: the first SIGINT or SIGTERM asks the training to end after its step, a
// second one ends the process at once.
//
// A signal within a second of the first is the same request: batch systems and `kill` of a process
// group reach this process both directly and through its parent.
#pragma once

namespace finewatt {

/// Take over SIGINT and SIGTERM, and ignore SIGPIPE. Call once from the main thread.
void install_stop_signals();

/// Return the signal that asked us to stop, or 0. Any thread.
int stop_signal();

}  // namespace finewatt
